//! What a round is made on.

use teal_testkit::Template;

/// What a call to the engine may take, in seconds, where the app takes longer to stop.
pub(crate) const CALL_S: &str = "8";

/// How the app of a project ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum App {
    /// At once.
    Prompt,
    /// It is killed after 15 s, and serves until then.
    Slow,
    /// It is killed after longer than a call to the engine may take.
    SlowerThanCalls,
}

impl App {
    pub(crate) fn template(self) -> Template {
        let template = Template::named("torture").default_throttle();
        let grace_period = match self {
            Self::Prompt => return template,
            Self::Slow => "15s",
            Self::SlowerThanCalls => "12s",
        };
        template
            .environment("IGNORE_SIGTERM", "1")
            .service_text(&format!("stop_grace_period: {grace_period}"))
    }
}
