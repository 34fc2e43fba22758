//! What a manifest is read with besides its text and its files.

use std::fmt;
use std::path::Path;

/// What a manifest refers to and only its reader knows.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub(super) variable: &'a Variable<'a>,
    pub(super) geo_database: &'a GeoDatabase<'a>,
}

type Variable<'a> = dyn Fn(&str) -> Option<String> + 'a;
type GeoDatabase<'a> = dyn Fn(&Path) -> Result<(), Unusable> + 'a;

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it, as an instruction.
    pub help: String,
}

impl<'a> Surroundings<'a> {
    /// An environment without variables; geolocation databases are not looked
    /// into.
    pub fn new() -> Self {
        Self {
            variable: &|_| None,
            geo_database: &|_| Ok(()),
        }
    }

    /// The environment that secrets may be in: the value of a variable, if it
    /// is set.
    #[must_use]
    pub fn variable(self, variable: &'a Variable<'a>) -> Self {
        Self { variable, ..self }
    }

    /// Looks into each file of `geolocation.database`, so that one that cannot
    /// be used is a problem of the manifest, told where it is named and with
    /// all others.
    #[must_use]
    pub fn geo_database(self, geo_database: &'a GeoDatabase<'a>) -> Self {
        Self {
            geo_database,
            ..self
        }
    }
}

impl Default for Surroundings<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}
