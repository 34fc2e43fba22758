//! How the program itself is treated.

use clap::{Args, ValueEnum};
use fastlike_runtime::UnknownImports;

use super::profile::{self, Profile};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Program")]
pub(crate) struct ProgramArgs {
    /// What becomes of a program that imports unknown functions: it is refused,
    /// or a call of one traps, or gives 0
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = UnknownImportBehavior::LinkError)]
    pub(crate) unknown_import_behavior: UnknownImportBehavior,

    /// `guest[,DIR[,PERIOD]]` writes a profile of each request into DIR
    /// (guest-profiles), for profiler.firefox.com; perfmap, jitdump and vtune
    /// tell profilers of the system the functions' names
    #[arg(long, value_name = "STRATEGY", value_parser = profile::profile)]
    pub(crate) profile: Option<Profile>,
}

/// In the words of the official tools' runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnknownImportBehavior {
    LinkError,
    Trap,
    ZeroOrNull,
}

impl From<UnknownImportBehavior> for UnknownImports {
    fn from(behavior: UnknownImportBehavior) -> Self {
        match behavior {
            UnknownImportBehavior::LinkError => Self::Refuse,
            UnknownImportBehavior::Trap => Self::Trap,
            UnknownImportBehavior::ZeroOrNull => Self::ZeroOrNull,
        }
    }
}
