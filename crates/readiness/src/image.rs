//! Whether the service names an image that there can be.

use super::Facts;
use teal_docker::is_image_name;
use teal_model::{Verdict, VerdictCode};

/// Compose only warns where a variable of an image's name is not set; no container comes of it.
pub(super) fn verdict(facts: &Facts) -> Option<Verdict> {
    let image = facts.service.image.as_deref()?;
    if is_image_name(image) {
        return None;
    }
    Some(
        Verdict::refused(
            VerdictCode::BadImage,
            format!("`{image}` can't be the name of an image"),
        )
        .means("the engine can neither look for such an image nor make a container from it")
        .remedy("write its `image` out, or set the variable that it is made of"),
    )
}
