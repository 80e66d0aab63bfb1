//! The folder of each case: its notices as they came and its report.

use std::path::Path;
use std::path::PathBuf;

use super::PipelineError;
use crate::case::CaseId;

/// Writes `DIR/cases/<case id>/`.
#[derive(Debug, Clone)]
pub struct CaseFiles {
    root: PathBuf,
}

impl CaseFiles {
    /// Below this state folder.
    pub fn new(state_dir: &Path) -> Self {
        Self { root: state_dir.join("cases") }
    }

    /// Where a case's file is.
    pub fn path(&self, case: &CaseId, name: &str) -> PathBuf {
        self.root.join(&case.0).join(name)
    }

    /// Writes a file whole or not at all, replacing an older one.
    pub async fn write(&self, case: &CaseId, name: &str, content: &[u8]) -> Result<PathBuf, PipelineError> {
        let path = self.path(case, name);
        let failed = |source| PipelineError::File { path: path.clone(), source };
        let folder = self.root.join(&case.0);
        // Only the owner may look: notices and command lines hold secrets.
        tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).await.map_err(failed)?;
        let draft = folder.join(format!(".{name}.{:016x}", fastrand::u64(..)));
        tokio::fs::write(&draft, content).await.map_err(failed)?;
        tokio::fs::rename(&draft, &path).await.map_err(failed)?;
        Ok(path)
    }

    /// Writes a file unless it is there.
    pub async fn write_new(&self, case: &CaseId, name: &str, content: &[u8]) -> Result<(), PipelineError> {
        let path = self.path(case, name);
        match tokio::fs::try_exists(&path).await {
            Ok(true) => Ok(()),
            Ok(false) => self.write(case, name, content).await.map(drop),
            Err(source) => Err(PipelineError::File { path, source }),
        }
    }
}
