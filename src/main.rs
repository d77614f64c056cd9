//! The binary, which only calls the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tideover::main_entry()
}
