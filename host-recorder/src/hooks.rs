//! The hooks: where in the kernel the recorder looks, what each gives, and whether this kernel lets it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::Serialize;

/// One place in the kernel that the recorder looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Its name in the kernel, such as `tp_btf/sched_process_exec`.
    pub name: Cow<'static, str>,
    /// What is recorded through it, in plain words.
    pub gives: Cow<'static, str>,
    /// Whether it is in use.
    pub state: HookState,
}

/// Whether a hook is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookState {
    /// Attached.
    InUse,
    /// Not asked for, or not needed here; why.
    Off(String),
    /// This kernel or host refuses it; what it said.
    Refused(String),
}

impl Hook {
    /// A hook in some state.
    pub fn new(name: &'static str, gives: &'static str, state: HookState) -> Self {
        Self { name: name.into(), gives: gives.into(), state }
    }

    /// Why it is refused, where it is.
    pub fn refusal(&self) -> Option<&str> {
        match &self.state {
            HookState::Refused(why) => Some(why),
            HookState::InUse | HookState::Off(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_reads_back_from_json() {
        let hooks = [
            Hook::new("tp_btf/a", "b", HookState::InUse),
            Hook::new("tp_btf/c", "d", HookState::Off("not asked for".to_owned())),
            Hook::new("tp_btf/e", "f", HookState::Refused("no".to_owned())),
        ];
        let json = serde_json::to_vec(&hooks).unwrap();
        assert_eq!(serde_json::from_slice::<Vec<Hook>>(&json).unwrap(), hooks);
        assert_eq!(hooks.map(|hook| hook.refusal().map(str::to_owned)), [None, None, Some("no".to_owned())]);
    }
}
