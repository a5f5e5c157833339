//! The tray of a Linux desktop: there while rollouts run, and tells how far each of them is.

use ksni::{Handle, Icon, MenuItem, TrayMethods, menu::StandardItem};
use serde::Serialize;
use tauri::{AppHandle, Emitter, Manager, Runtime};
use teal_engine::{
    Rollout,
    event::{EventKind, Phase},
};
use tokio::sync::Mutex;

use crate::{closing::CLOSE_REQUESTED, second::show_window};

/// Tells the page which service to show.
const SHOW: &str = "show";

/// Where the tray is kept as long as there is one.
pub(crate) struct Tray<R: Runtime> {
    app: AppHandle<R>,
    shown: Mutex<Option<Handle<Shown<R>>>>,
}

/// What the desktop asks for.
struct Shown<R: Runtime> {
    app: AppHandle<R>,
    running: Vec<Running>,
}

/// A rollout that runs.
#[derive(Debug, Clone)]
struct Running {
    id: String,
    place: Place,
    doing: &'static str,
}

/// A service of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Place {
    project: String,
    service: String,
}

/// Shows a rollout in the tray until it has ended.
pub(crate) async fn tell_of<R: Runtime>(app: AppHandle<R>, rollout: Rollout) {
    // Under test there is no desktop to show it.
    let Some(tray) = app.try_state::<Tray<R>>() else {
        return;
    };
    let mut events = rollout.events();
    while let Some(event) = events.next().await {
        let doing = match event.kind {
            EventKind::Started { .. } => Phase::Preparation.title(),
            EventKind::PhaseStarted { phase, .. } => phase.title(),
            EventKind::RollingBack { .. } => "Rolling back to Blue",
            _ => continue,
        };
        tray.tell(&rollout, doing).await;
    }
    tray.forget(rollout.id()).await;
}

impl<R: Runtime> Tray<R> {
    pub(crate) fn of(app: &AppHandle<R>) -> Self {
        Self {
            app: app.clone(),
            shown: Mutex::default(),
        }
    }

    async fn tell(&self, rollout: &Rollout, doing: &'static str) {
        let running = Running {
            id: rollout.id().to_owned(),
            place: Place {
                project: rollout.project().to_owned(),
                service: rollout.service().to_owned(),
            },
            doing,
        };
        let mut shown = self.shown.lock().await;
        if let Some(handle) = &*shown {
            handle.update(|tray| tray.put(running)).await;
            return;
        }
        let tray = Shown {
            app: self.app.clone(),
            running: vec![running],
        };
        match tray.spawn().await {
            Ok(handle) => *shown = Some(handle),
            Err(error) => tracing::debug!(%error, "no tray: the desktop shows none"),
        }
    }

    /// The tray goes with the last rollout.
    async fn forget(&self, id: &str) {
        let mut shown = self.shown.lock().await;
        let Some(handle) = &*shown else {
            return;
        };
        let is_last = handle.update(|tray| tray.remove(id)).await;
        if is_last.unwrap_or(true) {
            handle.shutdown().await;
            *shown = None;
        }
    }
}

impl<R: Runtime> Shown<R> {
    fn put(&mut self, running: Running) {
        match self.running.iter_mut().find(|one| one.id == running.id) {
            Some(one) => *one = running,
            None => self.running.push(running),
        }
    }

    /// Whether that was the last.
    fn remove(&mut self, id: &str) -> bool {
        self.running.retain(|one| one.id != id);
        self.running.is_empty()
    }

    fn show(&self, place: &Place) {
        show_window(&self.app);
        self.say(SHOW, place);
    }

    /// The page asks what is to become of the rollouts.
    fn quit(&self) {
        show_window(&self.app);
        self.say(CLOSE_REQUESTED, ());
    }

    fn say<S: Serialize + Clone>(&self, event: &str, payload: S) {
        if let Err(error) = self.app.emit(event, payload) {
            tracing::error!(%error, event, "the page can't be told what was chosen in the tray");
        }
    }
}

impl<R: Runtime> ksni::Tray for Shown<R> {
    fn id(&self) -> String {
        "teal".into()
    }

    fn title(&self) -> String {
        "Teal".into()
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        vec![icon()]
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        show_window(&self.app);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let rollouts = self.running.iter().map(|running| {
            let place = running.place.clone();
            item(&running.sentence(), move |tray| tray.show(&place))
        });
        let teal = [
            MenuItem::Separator,
            item("Show Teal", |tray| show_window(&tray.app)),
            item("Quit…", Shown::quit),
        ];
        rollouts.chain(teal).collect()
    }
}

impl Running {
    fn sentence(&self) -> String {
        let Place { project, service } = &self.place;
        format!("{service} of {project}: {}", self.doing)
    }
}

fn item<R: Runtime>(
    label: &str,
    choose: impl Fn(&Shown<R>) + Send + 'static,
) -> MenuItem<Shown<R>> {
    StandardItem {
        // A single one would underline what follows.
        label: label.replace('_', "__"),
        activate: Box::new(move |tray| choose(tray)),
        ..StandardItem::default()
    }
    .into()
}

/// Desktops want the transparency of each pixel before its colours.
fn icon() -> Icon {
    let image = tauri::include_image!("icons/32x32.png");
    let pixels = image.rgba().chunks_exact(4);
    Icon {
        width: 32,
        height: 32,
        data: pixels
            .flat_map(|pixel| [pixel[3], pixel[0], pixel[1], pixel[2]])
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use ksni::Tray as _;
    use tauri::{
        Listener,
        test::{MockRuntime, mock_app},
    };

    use super::*;

    fn running(id: &str, service: &str, doing: &'static str) -> Running {
        Running {
            id: id.into(),
            place: Place {
                project: "shop".into(),
                service: service.into(),
            },
            doing,
        }
    }

    fn labels(tray: &Shown<MockRuntime>) -> Vec<String> {
        let items = tray.menu().into_iter().filter_map(|item| match item {
            MenuItem::Standard(item) => Some(item.label),
            _ => None,
        });
        items.collect()
    }

    #[test]
    fn the_menu_tells_of_each_rollout_as_far_as_it_is() {
        let app = mock_app();
        let mut tray = Shown {
            app: app.handle().clone(),
            running: vec![running("1", "web", "Preparation")],
        };
        tray.put(running("2", "web_api", "Health Check"));
        tray.put(running("1", "web", "Verify Traffic"));
        assert_eq!(
            labels(&tray),
            [
                "web of shop: Verify Traffic",
                "web__api of shop: Health Check",
                "Show Teal",
                "Quit…"
            ]
        );
        assert!(!tray.remove("1"));
        assert!(tray.remove("2"));
        assert_eq!(labels(&tray), ["Show Teal", "Quit…"]);
    }

    #[test]
    fn choosing_a_rollout_shows_its_service() {
        let app = mock_app();
        let (sender, told) = mpsc::channel();
        app.listen_any(SHOW, move |event| {
            sender.send(event.payload().to_owned()).unwrap();
        });
        let mut tray = Shown {
            app: app.handle().clone(),
            running: vec![running("1", "web", "Preparation")],
        };
        let Some(MenuItem::Standard(item)) = tray.menu().into_iter().next() else {
            panic!("a rollout comes first");
        };
        (item.activate)(&mut tray);
        assert_eq!(
            told.recv().unwrap(),
            r#"{"project":"shop","service":"web"}"#
        );
    }

    #[test]
    fn the_icon_has_four_bytes_for_each_pixel() {
        let icon = icon();
        assert_eq!(icon.data.len(), 32 * 32 * 4);
        assert!(icon.data.iter().any(|byte| *byte != 0));
    }
}
