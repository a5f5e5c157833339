//! The image's name.

use super::*;

#[test]
fn a_name_that_no_image_can_have_concerns_its_service_alone() {
    let case = Case::with("image", json!("example/app:"));
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Refused, VerdictCode::BadImage));
    assert!(reason.contains("`example/app:`"), "{reason}");
    Case::with("image", json!("registry.example:5000/app@sha256:00ff")).is_ready();
}
