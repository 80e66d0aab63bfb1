//! Supplementary groups of a process. Pure.
//!
//! For people and in JSON they are a list with the number of those left out. In a log's frames, whose form is older
//! than they are, they take no byte of their own: [`crate::ring`] writes them behind the event.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

/// Supplementary groups of a process, in the kernel's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Groups {
    /// Their ids; no more than the recorder keeps.
    pub ids: Vec<u32>,
    /// How many more there are.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub left_out: u32,
}

impl Groups {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.left_out == 0
    }
}

/// Ids with a space between, and `+N` where N were left out: `4 27 1000 +68`.
impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, id) in self.ids.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{id}")?;
        }
        match self.left_out {
            0 => Ok(()),
            left_out if self.ids.is_empty() => write!(f, "+{left_out}"),
            left_out => write!(f, " +{left_out}"),
        }
    }
}

impl std::str::FromStr for Groups {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut groups = Self::default();
        for word in text.split_ascii_whitespace() {
            match word.strip_prefix('+') {
                Some(left_out) => groups.left_out = left_out.parse()?,
                None => groups.ids.push(word.parse()?),
            }
        }
        Ok(groups)
    }
}

/// As they stand in JSON.
#[derive(Serialize, Deserialize)]
struct Listed {
    ids: Vec<u32>,
    #[serde(default)]
    left_out: u32,
}

impl Serialize for Groups {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Listed { ids: self.ids.clone(), left_out: self.left_out }.serialize(serializer)
        } else {
            serializer.serialize_unit()
        }
    }
}

impl<'de> Deserialize<'de> for Groups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let Listed { ids, left_out } = Listed::deserialize(deserializer)?;
            Ok(Self { ids, left_out })
        } else {
            <()>::deserialize(deserializer).map(|()| Self::default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_give_them_back_and_a_frame_holds_none() {
        for (ids, left_out, text) in
            [(vec![], 0, ""), (vec![0], 0, "0"), (vec![4, 27, 1000], 68, "4 27 1000 +68"), (vec![], 3, "+3")]
        {
            let groups = Groups { ids, left_out };
            assert_eq!(groups.to_string(), text);
            assert_eq!(text.parse(), Ok(groups.clone()));
            let json = serde_json::to_string(&groups).unwrap();
            assert_eq!(serde_json::from_str::<Groups>(&json).unwrap(), groups);
            assert!(postcard::to_stdvec(&groups).unwrap().is_empty());
        }
        assert!("4 x".parse::<Groups>().is_err());
    }
}
