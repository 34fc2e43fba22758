//! `fastlike completions SHELL`.

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;

pub(super) fn run(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fastlike", &mut script);
    let written = io::stdout().write_all(&script);
    written.map_err(|error| super::cannot("write the script to the standard output", error))
}
