//! Conditions in the Common Expression Language, over `suspect`, `claim` and `limits`.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::LazyLock;

use cel::Context;
use cel::Env;
use cel::Program;
use cel::Value;

use super::file::Limit;

/// Characters that are shown of a fact's text.
const SHOWN_MAX: usize = 120;

/// The language's own functions: dear to make, and the same for every condition and suspect.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A condition, compiled.
#[derive(Debug, Clone)]
pub struct Condition {
    source: String,
    program: Arc<Program>,
}

/// What conditions may ask for: `suspect.ports`, `claim.activity` ...
#[derive(Debug, Clone, Default)]
pub struct Facts {
    suspect: HashMap<String, Value>,
    claim: HashMap<String, Value>,
    limits: HashMap<String, Value>,
}

impl Facts {
    /// States a fact of the suspect.
    pub fn suspect(&mut self, name: &str, value: impl Into<Value>) {
        self.suspect.insert(name.to_owned(), value.into());
    }

    /// States a fact of the claim.
    pub fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claim.insert(name.to_owned(), value.into());
    }

    /// States the limits.
    pub fn limits<'a>(&mut self, limits: impl IntoIterator<Item = (&'a String, &'a Limit)>) {
        self.limits = limits
            .into_iter()
            .map(|(name, limit)| {
                let value = match *limit {
                    Limit::Whole(number) => Value::Int(number),
                    Limit::Real(number) => Value::Float(number),
                };
                (name.clone(), value)
            })
            .collect();
    }

    /// What a condition mentions and nobody states, such as `limits.prots`; alternatives that are not evaluated
    /// hide such slips.
    pub(super) fn unknown_name(&self, condition: &Condition) -> Option<String> {
        for (kind, known) in [("suspect.", &self.suspect), ("claim.", &self.claim), ("limits.", &self.limits)]
        {
            for after in condition.source.split(kind).skip(1) {
                let end =
                    after.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
                let name = &after[..end.unwrap_or(after.len())];
                if !known.contains_key(name) {
                    let nearest = history::nearest(name, known.keys().map(String::as_str));
                    let hint = nearest.map(|nearest| format!("; did you mean {kind}{nearest}?"));
                    return Some(format!("{kind}{name}{}", hint.unwrap_or_default()));
                }
            }
        }
        None
    }

    /// Each by its name, with its value as a condition would write it.
    pub fn listed(&self) -> BTreeMap<String, String> {
        let shown = |value: &Value| match value {
            Value::String(text) => format!("{:?}", crate::untrusted::visible(text, SHOWN_MAX)),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => format!("{number:.3}"),
            Value::Bool(holds) => holds.to_string(),
            other => crate::untrusted::visible(&format!("{other:?}"), SHOWN_MAX),
        };
        [("suspect", &self.suspect), ("claim", &self.claim), ("limits", &self.limits)]
            .into_iter()
            .flat_map(|(kind, known)| {
                known.iter().map(move |(name, value)| (format!("{kind}.{name}"), shown(value)))
            })
            .collect()
    }

    /// Makes them ready for many conditions.
    pub fn ready(self) -> Ready {
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        context.add_variable_from_value("suspect", Value::from(self.suspect));
        context.add_variable_from_value("claim", Value::from(self.claim));
        context.add_variable_from_value("limits", Value::from(self.limits));
        Ready(context)
    }
}

/// Facts, ready to be asked.
pub struct Ready(Context<'static, 'static>);

impl Condition {
    /// Compiles a condition.
    pub(super) fn new(source: &str) -> Result<Self, String> {
        let program = LANGUAGE.compile(source).map_err(|error| error.to_string())?;
        Ok(Self { source: source.to_owned(), program: program.into() })
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds.
    pub fn holds(&self, facts: &Ready) -> Result<bool, String> {
        match self.program.execute(&facts.0) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err("is neither true nor false".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_facts_with_limits() {
        let mut facts = Facts::default();
        facts.suspect("ports", 1000_i64);
        facts.suspect("failed_share", 0.97);
        facts.suspect("name", "nmap".to_owned());
        let limits = [("scan_ports".to_owned(), Limit::Whole(15)), ("share".to_owned(), Limit::Real(0.5))];
        facts.limits(limits.iter().map(|(name, limit)| (name, limit)));
        let facts = facts.ready();
        let holds = |source: &str| Condition::new(source).and_then(|condition| condition.holds(&facts));
        assert_eq!(holds("suspect.ports >= limits.scan_ports"), Ok(true));
        assert_eq!(holds("suspect.failed_share < limits.share"), Ok(false));
        assert_eq!(holds("suspect.name in ['nmap', 'masscan']"), Ok(true));
        assert!(holds("suspect.nonsense > 1").is_err());
        assert!(holds("suspect.ports").is_err());
        assert!(holds("suspect.ports >").is_err());
    }
}
