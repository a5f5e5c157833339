//! `teal completions`

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{cli::Cli, screen::Screen};

pub(super) fn run(shell: Shell, screen: &mut Screen) -> u8 {
    // Through memory: clap_complete panics where a pipe breaks.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "teal", &mut script);
    screen.write(&script);
    0
}
