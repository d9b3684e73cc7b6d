//! Environment variables that decide flags, captured once.

use std::ffi::OsString;

/// What the environment says about flags: `PREFIX_FF_<FLAG>` and `PREFIX_KILL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Flag variables: full name, the part after `_FF_`, and the value.
    pub(crate) flags: Vec<Variable>,
    /// The kill variable's name and the targets it lists.
    pub(crate) kills: Vec<(Box<str>, Box<str>)>,
    /// Names of variables that are not UTF-8.
    pub(crate) unreadable: Vec<Box<str>>,
}

/// One variable that sets a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: Box<str>,
    pub(crate) suffix: Box<str>,
    pub(crate) value: Box<str>,
}

impl Environment {
    /// Reads the process's variables of a host: `CARO_FF_<FLAG>` and `CARO_KILL` for the prefix `CARO`.
    pub fn from_process(prefix: &str) -> Self {
        Self::from_variables(prefix, std::env::vars_os())
    }

    /// Returns the environment of these variables, of which those of the prefix count.
    pub fn from_pairs<N: Into<OsString>, V: Into<OsString>>(
        prefix: &str,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self::from_variables(prefix, pairs.into_iter().map(|(name, value)| (name.into(), value.into())))
    }

    fn from_variables(prefix: &str, variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let (flag_prefix, kill_name) = (format!("{prefix}_FF_"), format!("{prefix}_KILL"));
        let mut environment = Self::default();
        for (name, value) in variables {
            let Ok(name) = name.into_string() else { continue };
            let suffix = name.strip_prefix(&flag_prefix).filter(|suffix| !suffix.is_empty());
            if suffix.is_none() && name != kill_name {
                continue;
            }
            let value = value.into_string().unwrap_or_else(|value| {
                environment.unreadable.push(name.as_str().into());
                // One broken byte must not take the sound names of a list of kills with it.
                if suffix.is_none() { value.to_string_lossy().into_owned() } else { String::new() }
            });
            let value = value.trim();
            match suffix {
                // An empty variable is how a shell unsets one for a single command.
                Some(_) if value.is_empty() => {}
                Some(suffix) => {
                    let (suffix, value) = (suffix.into(), value.into());
                    // By name, since the process's own are in no order.
                    let at = environment.flags.partition_point(|known| *known.name <= *name);
                    environment.flags.insert(at, Variable { suffix, value, name: name.into() });
                }
                None => {
                    let targets = value.split(',').map(str::trim);
                    let targets = targets.filter(|target| !target.is_empty() && !target.contains('\u{fffd}'));
                    environment.kills.extend(targets.map(|target| (name.as_str().into(), target.into())));
                }
            }
        }
        environment
    }
}

/// The form in which a flag's key stands in a variable's name: upper case, everything but letters and digits an underscore.
pub(crate) fn variable_of(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}
