//! Who may press a button: people named in the settings, and members of user groups named there.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use crate::config::Actions;
use crate::slack::SlackError;
use crate::slack::Workspace;

/// How long a group's members are believed; who was removed may press so much longer.
const BELIEVED: Duration = Duration::from_secs(60);

/// Who may press a button.
#[derive(Debug, Default)]
pub struct Guard {
    users: Vec<String>,
    groups: Vec<String>,
    known: Mutex<HashMap<String, (Instant, Vec<String>)>>,
}

impl Guard {
    /// As the settings say; nobody without them.
    pub fn new(actions: Option<&Actions>) -> Self {
        let (users, groups) = actions
            .map(|actions| (actions.allowed_users.clone(), actions.allowed_groups.clone()))
            .unwrap_or_default();
        Self { users, groups, known: Mutex::default() }
    }

    /// Whether somebody may. Where Slack does not tell a group's members, its members may not.
    pub async fn lets(&self, workspace: &dyn Workspace, user: &str) -> Result<bool, SlackError> {
        if self.users.iter().any(|allowed| allowed == user) {
            return Ok(true);
        }
        let mut failed = None;
        for group in &self.groups {
            match self.members(workspace, group).await {
                Ok(members) if members.iter().any(|member| member == user) => return Ok(true),
                Ok(_) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(false), Err)
    }

    /// Whether somebody may read cases: a member of the channel, or who may press.
    pub async fn shows(
        &self,
        workspace: &dyn Workspace,
        channel: &str,
        user: &str,
    ) -> Result<bool, SlackError> {
        if self.lets(workspace, user).await.is_ok_and(|lets| lets) {
            return Ok(true);
        }
        let members = self.members(workspace, channel).await?;
        Ok(members.iter().any(|member| member == user))
    }

    /// The members of a user group or a channel.
    async fn members(&self, workspace: &dyn Workspace, group: &str) -> Result<Vec<String>, SlackError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(group).cloned();
        // Ids of user groups begin with S, those of channels with C or G.
        if let Some((at, members)) = known
            && at.elapsed() < BELIEVED
        {
            return Ok(members);
        }
        let members = match group.starts_with('S') {
            true => workspace.members(group).await?,
            false => workspace.channel_members(group).await?,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(group.to_owned(), (Instant::now(), members.clone()));
        Ok(members)
    }
}
