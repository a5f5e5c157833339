//! The window's close button, as a window manager presses it: there is none on a test's display.

use x11rb::{
    connection::Connection,
    protocol::xproto::{AtomEnum, ClientMessageEvent, ConnectionExt, EventMask, MapState, Window},
    rust_connection::RustConnection,
};

/// Asks the window of this process to close.
pub(crate) fn ask_to_close(process: u32) {
    let (connection, screen) = x11rb::connect(None).unwrap();
    let root = connection.setup().roots[screen].root;
    let tree = connection.query_tree(root).unwrap().reply().unwrap();
    let protocols = atom(&connection, "WM_PROTOCOLS");
    let owner = atom(&connection, "_NET_WM_PID");
    let is_it = |window: &Window| {
        property(&connection, *window, owner, AtomEnum::CARDINAL).contains(&process)
            && !property(&connection, *window, protocols, AtomEnum::ATOM).is_empty()
            && is_shown(&connection, *window)
    };
    let window = tree
        .children
        .into_iter()
        .find(is_it)
        .expect("the window is on the display");
    let delete = atom(&connection, "WM_DELETE_WINDOW");
    let message = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
    connection
        .send_event(false, window, EventMask::NO_EVENT, message)
        .unwrap()
        .check()
        .unwrap();
}

fn atom(connection: &RustConnection, name: &str) -> u32 {
    let cookie = connection.intern_atom(false, name.as_bytes()).unwrap();
    cookie.reply().unwrap().atom
}

fn property(connection: &RustConnection, window: Window, name: u32, kind: AtomEnum) -> Vec<u32> {
    let cookie = connection
        .get_property(false, window, name, kind, 0, 16)
        .unwrap();
    // A window of another test may be gone by now.
    let Ok(reply) = cookie.reply() else {
        return Vec::new();
    };
    reply.value32().map(Iterator::collect).unwrap_or_default()
}

fn is_shown(connection: &RustConnection, window: Window) -> bool {
    let cookie = connection.get_window_attributes(window).unwrap();
    let viewable = MapState::VIEWABLE;
    cookie
        .reply()
        .is_ok_and(|attributes| attributes.map_state == viewable)
}
