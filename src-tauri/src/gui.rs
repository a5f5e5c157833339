//! The program around the window.

use std::{process::ExitCode, time::Instant};

use tauri::{Builder, Manager, Runtime, webview::PageLoadEvent};
use tauri_plugin_window_state::StateFlags;
use teal_engine::{Paths, Settings, model::ProjectSource, telemetry};

use crate::{closing, commands, desktop::Desktop, menu, second};

/// Everything that needs no real window, so that tests can put it on the mock runtime.
pub fn configure<R: Runtime>(builder: Builder<R>, desktop: Desktop) -> Builder<R> {
    builder
        .manage(desktop)
        .on_window_event(closing::on_window_event)
        .on_page_load(|webview, load| {
            // A page that loads again has forgotten what the one before followed.
            if load.event() == PageLoadEvent::Started {
                webview.state::<Desktop>().subscriptions.end_all();
            }
        })
        .invoke_handler(tauri::generate_handler![
            commands::window::startup,
            commands::window::painted,
            commands::window::close_window,
            commands::files::save_text,
            commands::projects::engine_info,
            commands::projects::list_projects,
            commands::projects::recent_projects,
            commands::projects::forget_project,
            commands::projects::open_project,
            commands::projects::start_project,
            commands::rollouts::plan_rollout,
            commands::rollouts::start_rollout,
            commands::rollouts::plan_live,
            commands::rollouts::update_live,
            commands::rollouts::abort_rollout,
            commands::rollouts::running_rollouts,
            commands::rollouts::interrupted_rollouts,
            commands::rollouts::recover_rollout,
            commands::rollouts::rollback_request,
            commands::rollouts::history,
            commands::project_files::plan_ready,
            commands::project_files::apply_ready,
            commands::project_files::plan_keep,
            commands::project_files::apply_keep,
            commands::project_files::undo_files,
            commands::project_files::give_back,
            commands::sample::sample_up,
            commands::sample::sample_down,
            commands::follow::follow_rollout,
            commands::follow::follow_usage,
            commands::follow::follow_logs,
            commands::follow::follow_changes,
            commands::follow::unfollow,
        ])
}

/// Opens the window and runs until the program ends.
pub(crate) fn run(source: Option<ProjectSource>, started: Instant) -> ExitCode {
    #[cfg(target_os = "linux")]
    if gtk::init().is_err() {
        return complain(
            "there is no display to open a window on (`DISPLAY` or `WAYLAND_DISPLAY`)",
            Some("`teal --help` lists what works without one"),
        );
    }
    let paths = match Paths::find() {
        Ok(paths) => paths,
        Err(error) => return complain(&error.to_string(), error.hint().as_deref()),
    };
    let _log = start_log(&paths);
    let desktop = Desktop::new(Settings::default(), paths, source, started);
    let builder = Builder::default()
        // The first of all: it ends a second start before anything else begins.
        .plugin(tauri_plugin_single_instance::init(
            |app, words, directory| {
                second::started(app, words, &directory);
            },
        ))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(
            tauri_plugin_window_state::Builder::new()
                // A window that was hidden during a rollout is shown by the next start.
                .with_state_flags(StateFlags::all() & !StateFlags::VISIBLE)
                .build(),
        )
        .menu(menu::build)
        .on_menu_event(|app, event| menu::chosen(app, &event));
    #[cfg(target_os = "linux")]
    let builder = builder.setup(|app| {
        if let Some(window) = app.get_webview_window("main") {
            crate::graphics::spare_an_emulated_card(&window);
        }
        app.manage(crate::tray::Tray::of(app.handle()));
        Ok(())
    });
    let app = configure(builder, desktop.clone()).build(tauri::generate_context!());
    let app = match app {
        Ok(app) => app,
        Err(error) => {
            return complain(&format!("could not open the window: {error}"), None);
        }
    };
    #[cfg(unix)]
    closing::end_on_signals(app.handle(), &desktop);
    let code = app.run_return(|_, _| {});
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The log, as long as what this gives lives. The window goes on without one.
fn start_log(paths: &Paths) -> Option<impl Sized + use<>> {
    telemetry::init(&paths.state, "teal-desktop")
        .inspect_err(|error| {
            complain(&format!("{error}; going on without a log"), None);
        })
        .ok()
}

#[expect(clippy::print_stderr, reason = "there is no window to say it in")]
fn complain(text: &str, hint: Option<&str>) -> ExitCode {
    eprintln!("error: {text}");
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
    ExitCode::FAILURE
}
