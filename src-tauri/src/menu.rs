//! The native menu. The page does what it offers: each item is the name of one of its actions.

use tauri::{
    AppHandle, Emitter, Runtime,
    menu::{Menu, MenuBuilder, MenuEvent, MenuItemBuilder, Submenu, SubmenuBuilder},
};

/// Tells the page which action was chosen.
const CHOSEN: &str = "menu";

/// An action of the page, what it is called, and its keys.
type Item = (&'static str, &'static str, Option<&'static str>);

const FILE: &[Item] = &[
    ("open", "Open Compose File…", Some("CmdOrCtrl+O")),
    ("sample", "Try the Sample", None),
    ("save-history", "Save History as JSON…", None),
];
const VIEW: &[Item] = &[
    ("search", "Find Project", Some("CmdOrCtrl+K")),
    ("find", "Find in Logs", Some("CmdOrCtrl+F")),
    ("up", "To the Project", Some("Alt+Up")),
    ("reload", "Read Again", Some("CmdOrCtrl+R")),
    ("zoom-in", "Zoom In", Some("CmdOrCtrl+=")),
    ("zoom-out", "Zoom Out", Some("CmdOrCtrl+-")),
    ("zoom-reset", "Actual Size", Some("CmdOrCtrl+0")),
];
const ROLLOUT: &[Item] = &[
    ("deploy", "Deploy", Some("CmdOrCtrl+Enter")),
    ("roll-back", "Roll Back", Some("CmdOrCtrl+.")),
    ("undo-limits", "Undo Change of Limits", None),
];
const HELP: &[Item] = &[("shortcuts", "Keyboard Shortcuts", Some("F1"))];

pub(crate) fn build<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<Menu<R>> {
    let file = SubmenuBuilder::new(app, "File").items(&refs(&items(app, FILE)?));
    let file = file.separator().close_window().build()?;
    let mut menu = MenuBuilder::new(app);
    if cfg!(target_os = "macos") {
        // Elsewhere the web view knows these keys itself.
        let edit = SubmenuBuilder::new(app, "Edit").undo().redo().separator();
        menu = menu.item(&edit.cut().copy().paste().select_all().build()?);
    }
    menu = menu.item(&file);
    for (title, part) in [("View", VIEW), ("Rollout", ROLLOUT), ("Help", HELP)] {
        menu = menu.item(&submenu(app, title, part)?);
    }
    menu.build()
}

fn submenu<R: Runtime>(
    app: &AppHandle<R>,
    title: &str,
    part: &[Item],
) -> tauri::Result<Submenu<R>> {
    SubmenuBuilder::new(app, title)
        .items(&refs(&items(app, part)?))
        .build()
}

fn items<R: Runtime>(
    app: &AppHandle<R>,
    part: &[Item],
) -> tauri::Result<Vec<tauri::menu::MenuItem<R>>> {
    part.iter()
        .map(|(action, title, keys)| {
            let item = MenuItemBuilder::with_id(*action, *title);
            match keys {
                Some(keys) => item.accelerator(keys).build(app),
                None => item.build(app),
            }
        })
        .collect()
}

fn refs<R: Runtime>(items: &[tauri::menu::MenuItem<R>]) -> Vec<&dyn tauri::menu::IsMenuItem<R>> {
    items.iter().map(|item| item as _).collect()
}

pub(crate) fn chosen<R: Runtime>(app: &AppHandle<R>, event: &MenuEvent) {
    if let Err(error) = app.emit(CHOSEN, event.id().as_ref()) {
        tracing::error!(%error, "the page can't be told what was chosen");
    }
}
