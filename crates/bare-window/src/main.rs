//! The least that a Tauri program can be: a window with one paragraph. It prints when it has shown
//! that, and is the floor that Teal's own window is measured against.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

/// The page has shown its first frame. Prints the time of that, in milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "another process compares it with its own clock"
)]
#[tauri::command]
fn painted() -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    writeln!(io::stdout(), "{}", now.unwrap_or_default().as_millis())
        .map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let app = tauri::Builder::default()
        .invoke_handler(tauri::generate_handler![painted])
        .build(tauri::generate_context!());
    match app {
        Ok(app) => {
            u8::try_from(app.run_return(|_, _| {})).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) => {
            writeln!(io::stderr(), "error: no window opens: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
