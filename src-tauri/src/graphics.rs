//! Who draws the page on Linux.

use std::{env, path::Path};

use tauri::{Runtime, WebviewWindow};
use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt, WebViewExt};

/// One of these is there where a graphics card is: its own drivers', or that of a Windows below.
const CARDS: [&str; 3] = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"];

/// Without a graphics card the web view has the processor emulate one, which makes the first frame late
/// and takes tens of mebibytes. It draws faster by itself.
pub(crate) fn spare_an_emulated_card<R: Runtime>(window: &WebviewWindow<R>) {
    // A web view that is driven by a program hangs when it takes a picture of itself without one.
    let is_driven = env::var_os("TAURI_WEBVIEW_AUTOMATION").is_some();
    if is_driven || CARDS.iter().any(|card| Path::new(card).exists()) {
        return;
    }
    let asked = window.with_webview(|view| match view.inner().settings() {
        Some(settings) => {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
        None => tracing::warn!("the web view has no settings"),
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "the web view can't be told to draw by itself");
    }
}
