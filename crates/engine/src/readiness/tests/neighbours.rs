//! Those who call it.

use super::*;

#[test]
fn who_calls_it_is_told_whether_anything_steers_the_calls() {
    let mut case = Case::default();
    case.model["services"]["api"] =
        json!({"depends_on": {"web": {"condition": "service_started"}}});
    let meaning = |case: &Case| {
        let verdicts = case.verdicts();
        let callers = verdicts.iter().find(|it| it.code == VerdictCode::Callers);
        callers.unwrap().meaning.clone()
    };
    assert!(meaning(&case).starts_with("such calls bypass Traefik"));
    case.routes.clear();
    assert!(meaning(&case).starts_with("nothing steers such calls"));
}
