//! What is Teal's of one service in the override. The file is shared by all services of a project,
//! which may be rolled out at once: each writes and takes out its own part, and leaves the others'.

use super::{
    edit::{self, CannotEdit, Edit, Node, edited},
    override_file,
};
use teal_docker::teal_label;
use teal_files::FolderLock;
use teal_model::{Plan, Result};

/// The keys of a service that limits are written in.
const LIMITS: [&[&str]; 4] = [
    &["deploy", "resources", "limits", "cpus"],
    &["deploy", "resources", "limits", "memory"],
    &["cpus"],
    &["mem_limit"],
];

/// The labels that a rollout gives Green.
pub const LABELS: [&str; 2] = ["deployment.type", teal_label::ROLLOUT];

/// Writes what the plan says of its service into the override as it is now.
///
/// # Errors
/// The file can't be read, edited or written.
pub async fn put_in(plan: &Plan) -> Result<()> {
    let file = &plan.override_file;
    let _lock = FolderLock::at(file).await;
    let now = override_file::read_text(file)?;
    if now == plan.override_before {
        return override_file::write_atomic(file, plan.override_after.as_bytes());
    }
    write(plan, now.as_deref(), Some(&plan.override_after))
}

/// Takes out again what [`put_in`] wrote: where nobody else has written since, byte for byte.
///
/// # Errors
/// As for [`put_in`]. The file is as it was then.
pub async fn take_out(plan: &Plan) -> Result<()> {
    let file = &plan.override_file;
    let _lock = FolderLock::at(file).await;
    let now = override_file::read_text(file)?;
    let before = plan.override_before.as_deref();
    if now.as_deref() == Some(&plan.override_after) {
        return override_file::restore(file, before.map(str::as_bytes));
    }
    write(plan, now.as_deref(), before)
}

fn write(plan: &Plan, now: Option<&str>, from: Option<&str>) -> Result<()> {
    let file = &plan.override_file;
    let text = carried(now, from, &plan.service).map_err(|error| error.at(file))?;
    override_file::restore(file, text.as_deref().map(str::as_bytes))
}

/// The text `now`, with what is Teal's of the service as in `from`. `None` if nothing would be left
/// in the file.
pub(super) fn carried(
    now: Option<&str>,
    from: Option<&str>,
    service: &str,
) -> std::result::Result<Option<String>, CannotEdit> {
    let from = from.unwrap_or_default();
    let whole = ["services", service];
    let limits = LIMITS.iter().map(|keys| {
        let path = [&whole, *keys].concat();
        match edit::node_at(from, &path) {
            // In quotes as a rollout writes it, however it could be written.
            Some(Node::Text(text)) if keys.ends_with(&["cpus"]) => {
                Edit::set(&path, Node::Quoted(text))
            }
            Some(node) => Edit::set(&path, node),
            None => Edit::remove(&path),
        }
    });
    let labels_at = ["services", service, "labels"];
    let labels = LABELS
        .iter()
        .map(|key| match edit::item_at(from, &labels_at, key) {
            Some(value) => Edit::set_item(&labels_at, key, &value),
            None => Edit::remove_item(&labels_at, key),
        });
    let edits: Vec<_> = limits.chain(labels).collect();
    let text = edited(now, &edits)?;
    if now.is_some_and(|now| now == text) {
        return Ok(Some(text));
    }
    let is_over = edit::is_empty_at(&text, &whole) && !edit::says(from, &whole);
    let text = match is_over {
        true => edited(Some(&text), &[Edit::remove(&whole)])?,
        false => text,
    };
    Ok((!edit::says_nothing(&text)).then_some(text))
}
