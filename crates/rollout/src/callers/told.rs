//! Callers in words, and who is told of them.

use crate::{
    Driver,
    failure::{FailureKind, Trouble},
};
use teal_model::event::{Caller, Color, EventKind};

impl Driver {
    /// Tells who keeps the set, where that is news, and warns once of each.
    pub(super) fn tell(&mut self, color: Color, stuck: &[Caller]) {
        let callers = &mut self.callers;
        if callers.told != stuck {
            callers.told = stuck.to_vec();
            self.rollout.emit(EventKind::Callers {
                color,
                callers: stuck.to_vec(),
            });
        }
        for caller in stuck {
            let warning = warning(color, caller);
            if !callers.warned.contains(&warning) {
                callers.warned.push(warning.clone());
                self.rollout.warn(warning);
                if color == Color::Blue && caller.resolves_once {
                    callers.reloaded.push(caller.clone());
                }
            }
        }
    }

    /// Blue is gone: proxies that were reloaded while both sets ran still try its address.
    pub(crate) fn tell_to_reload_again(&self) {
        for caller in &self.callers.reloaded {
            if let Some(sentence) = once_more(caller) {
                self.rollout.warn(sentence);
            }
        }
    }
}

/// What somebody who watches should know, and can do now.
fn warning(color: Color, caller: &Caller) -> String {
    let sentence = sentence(color, caller);
    match &caller.reload {
        Some(reload) => format!("{sentence}; now is the time for `{reload}`"),
        None => sentence,
    }
}

/// What to do about a proxy that learned of both sets, when one has gone.
fn once_more(caller: &Caller) -> Option<String> {
    let reload = caller.reload.as_ref()?;
    Some(format!(
        "{} may still try Blue's address besides Green's, and requests wait for it: run `{reload}` once more",
        who(caller)
    ))
}

/// One sentence for each.
pub(crate) fn sentences(color: Color, callers: &[Caller]) -> Vec<String> {
    callers
        .iter()
        .map(|caller| sentence(color, caller))
        .collect()
}

/// The same once the set is gone, with what makes each learn of the other.
pub(crate) fn left_without(color: Color, callers: &[Caller]) -> Vec<String> {
    let left = |caller: &Caller| {
        let sentence = sentence(color, caller);
        match &caller.reload {
            Some(reload) => format!("{sentence}; run `{reload}`"),
            None => sentence,
        }
    };
    callers.iter().map(left).collect()
}

fn sentence(color: Color, caller: &Caller) -> String {
    let who = who(caller);
    let other = match color {
        Color::Blue => Color::Green,
        Color::Green => Color::Blue,
    };
    if caller.program.as_deref() == Some("Traefik") {
        return format!(
            "{who} still opens connections to {color}, by a route that Teal doesn't control"
        );
    }
    if caller.is_silent {
        return format!(
            "{who} resolved the service's name once, at startup, and knows {color} only; it has had no requests meanwhile"
        );
    }
    if caller.resolves_once {
        return format!(
            "{who} resolved the service's name once, at startup, and still calls {color}"
        );
    }
    format!("{who} still calls {color}, and has not called {other}")
}

/// `shop-proxy-1` (service `proxy`, nginx)
fn who(caller: &Caller) -> String {
    let Some(container) = &caller.container else {
        return format!(
            "a client outside of all containers ({})",
            caller.addresses.join(", ")
        );
    };
    let service = caller
        .service
        .as_ref()
        .map(|service| format!("service `{service}`"));
    let facts: Vec<_> = service.into_iter().chain(caller.program.clone()).collect();
    match facts.is_empty() {
        true => format!("`{container}`"),
        false => format!("`{container}` ({})", facts.join(", ")),
    }
}

/// Blue can't be stopped, since these still call it.
pub(crate) fn still_called(callers: &[Caller]) -> Trouble {
    let is_called = callers.iter().any(|caller| !caller.is_silent);
    let message = format!(
        "Blue is still {}: {}",
        if is_called { "called" } else { "needed" },
        sentences(Color::Blue, callers).join("; ")
    );
    Trouble::new(FailureKind::StillCalled, message).with_hint(hint(callers))
}

/// What to do about them.
fn hint(callers: &[Caller]) -> String {
    let reloads: Vec<_> = callers
        .iter()
        .filter_map(|caller| caller.reload.as_ref())
        .map(|reload| format!("`{reload}`"))
        .collect();
    let first = match reloads.is_empty() {
        true => "find out what calls it".to_owned(),
        false => format!(
            "deploy again, and run {} as soon as Teal names the client: while both sets run, it learns of both",
            reloads.join(" and ")
        ),
    };
    let again = match callers
        .iter()
        .any(|caller| caller.program.as_deref() == Some("nginx"))
    {
        true => {
            "; or have nginx resolve names at run time, with `resolver 127.0.0.11 valid=5s` and a variable in `proxy_pass`"
        }
        false => "",
    };
    format!("{first}{again}; `--force` stops Blue anyway")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy() -> Caller {
        Caller {
            container: Some("shop-proxy-1".into()),
            project: Some("shop".into()),
            service: Some("proxy".into()),
            addresses: vec!["172.18.0.3".into()],
            program: Some("nginx".into()),
            resolves_once: true,
            reload: Some("docker exec shop-proxy-1 nginx -s reload".into()),
            is_silent: false,
        }
    }

    #[test]
    fn a_caller_is_named_with_what_to_do() {
        assert_eq!(
            warning(Color::Blue, &proxy()),
            "`shop-proxy-1` (service `proxy`, nginx) resolved the service's name once, at startup, and still calls Blue; now is the time for `docker exec shop-proxy-1 nginx -s reload`"
        );
        assert_eq!(
            left_without(Color::Blue, &[proxy()]),
            [
                "`shop-proxy-1` (service `proxy`, nginx) resolved the service's name once, at startup, and still calls Blue; run `docker exec shop-proxy-1 nginx -s reload`"
            ]
        );
        let hint = hint(&[proxy()]);
        assert!(
            hint.contains("run `docker exec shop-proxy-1 nginx -s reload`"),
            "{hint}"
        );
        assert!(hint.contains("resolver 127.0.0.11"), "{hint}");
    }

    #[test]
    fn a_proxy_that_nobody_asked_is_told_by_its_settings() {
        let silent = Caller {
            is_silent: true,
            ..proxy()
        };
        let told = format!("{:?}", still_called(&[silent]));
        assert!(
            told.contains("Blue is still needed: `shop-proxy-1` (service `proxy`, nginx) resolved"),
            "{told}"
        );
    }

    #[test]
    fn whoever_is_not_known_is_told_by_address() {
        let outside = Caller {
            container: None,
            project: None,
            service: None,
            addresses: vec!["172.18.0.1".into()],
            program: None,
            resolves_once: false,
            reload: None,
            is_silent: false,
        };
        assert_eq!(
            warning(Color::Green, &outside),
            "a client outside of all containers (172.18.0.1) still calls Green, and has not called Blue"
        );
    }
}
