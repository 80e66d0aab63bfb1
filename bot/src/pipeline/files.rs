//! The files of each case: its notices as they came and its report; in a folder, or in the table that keeps the cases.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::PipelineError;
use crate::case::CaseId;
use crate::case::store::DynamoStore;

/// Where the files of cases are kept.
#[derive(Debug, Clone)]
pub enum CaseFiles {
    /// In `DIR/cases/<case id>/`.
    Folder(PathBuf),
    /// Beside the cases, where several replicas, and a bot without a disk of its own, find them.
    Table(Arc<DynamoStore>),
}

impl CaseFiles {
    /// Below this state folder.
    pub fn new(state_dir: &Path) -> Self {
        Self::Folder(state_dir.join("cases"))
    }

    /// Reads a file of at most so many bytes. That it cannot be read is logged; for who asks it is not there.
    pub async fn read(&self, case: &CaseId, name: &str, most: u64) -> Option<Vec<u8>> {
        let read = match self {
            Self::Folder(root) => read_local(&root.join(&case.0).join(name), most).await,
            Self::Table(table) => table.read_file(case, name).await.map_err(PipelineError::from),
        };
        match read {
            Ok(content) => content.filter(|content| content.len() as u64 <= most),
            Err(error) => {
                tracing::error!(case_id = case.0, name, error = %error, "a file of the case cannot be read");
                None
            }
        }
    }

    /// Writes a file whole or not at all, replacing an older one. Returns where it is, in words.
    pub async fn write(&self, case: &CaseId, name: &str, content: &[u8]) -> Result<String, PipelineError> {
        match self {
            Self::Folder(root) => write_local(&root.join(&case.0), name, content).await,
            Self::Table(table) => {
                table.write_file(case, name, content).await?;
                Ok(format!("{name} in the table of cases"))
            }
        }
    }

    /// Writes a file unless it is there.
    pub async fn write_new(&self, case: &CaseId, name: &str, content: &[u8]) -> Result<(), PipelineError> {
        match self {
            Self::Folder(root) => {
                let path = root.join(&case.0).join(name);
                match tokio::fs::try_exists(&path).await {
                    Ok(true) => Ok(()),
                    Ok(false) => self.write(case, name, content).await.map(drop),
                    Err(source) => Err(PipelineError::File { path, source }),
                }
            }
            Self::Table(table) => Ok(table.write_new_file(case, name, content).await?),
        }
    }
}

async fn read_local(path: &Path, most: u64) -> Result<Option<Vec<u8>>, PipelineError> {
    let failed = |source| PipelineError::File { path: path.to_owned(), source };
    match tokio::fs::metadata(path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
        Ok(about) if about.len() > most => Ok(None),
        Ok(_) => tokio::fs::read(path).await.map(Some).map_err(failed),
    }
}

async fn write_local(folder: &Path, name: &str, content: &[u8]) -> Result<String, PipelineError> {
    let path = folder.join(name);
    let failed = |source| PipelineError::File { path: path.clone(), source };
    let draft = folder.join(format!(".{name}.{:016x}", fastrand::u64(..)));
    let (folder, content, to) = (folder.to_owned(), content.to_owned(), path.clone());
    // One hop to where blocking is allowed instead of three.
    let write = move || {
        // Only the owner may look: notices and command lines hold secrets.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        std::fs::write(&draft, content)?;
        std::fs::rename(&draft, &to)
    };
    let written = tokio::task::spawn_blocking(write).await;
    written.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(failed)?;
    Ok(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::aws::json::DYNAMODB;
    use crate::aws::json::JsonCalls;
    use crate::case::store::table_schema;
    use crate::testing::Moto;

    async fn conforms(files: &CaseFiles) {
        let case = CaseId("GS-20261121-7F3A".to_owned());
        let read = async |name: &str| files.read(&case, name, 10 << 20).await;
        assert_eq!(read("report.json").await, None);
        files.write_new(&case, "notice-1.eml", b"first\xff").await.expect("written");
        files.write_new(&case, "notice-1.eml", b"second").await.expect("not written");
        assert_eq!(read("notice-1.eml").await.as_deref(), Some(b"first\xff".as_slice()));
        // Longer than an item of a table, and again shorter.
        let mut random = fastrand::Rng::with_seed(7);
        let long: Vec<u8> = (0..700_000).map(|_| random.u8(..)).collect();
        for content in [long.as_slice(), b"short", b""] {
            files.write(&case, "report.json", content).await.expect("written");
            assert!(read("report.json").await.as_deref() == Some(content), "{} bytes", content.len());
        }
        assert_eq!(files.read(&case, "notice-1.eml", 3).await, None, "larger than was asked for");
        assert_eq!(files.read(&CaseId("GS-20261121-0000".to_owned()), "report.json", 9).await, None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn folder_and_table_keep_files_alike() {
        let folder = tempfile::tempdir().expect("a folder");
        conforms(&CaseFiles::new(folder.path())).await;
        let moto = Moto::start();
        let calls = JsonCalls::new(&moto.sdk(), DYNAMODB);
        calls.call("CreateTable", &table_schema("cases")).await.expect("made");
        let table = DynamoStore::new(&moto.sdk(), "cases", Duration::from_secs(3_600));
        conforms(&CaseFiles::Table(Arc::new(table))).await;
    }
}
