//! How a split is proved, found out before anything changes: pins beside Blue that no request of a
//! user's goes by are looked for in each way that there is.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    confirm::strange_target,
    doors::Candidate,
    error::TrafficError,
    http::{self, NoAnswer},
    listing::Listing,
    pins::{Pinned, probe_value},
    survey::{Door, Pinning},
};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const ONE_PROBE: Duration = Duration::from_secs(3);
/// Pins bring the probes of all routers at once, so that those of the others come with the first.
const WITH_THE_FIRST: Duration = Duration::from_secs(1);
/// So many looks in a row an entry point may be behind the API.
const BEHIND: u32 = 3;

/// How a router's part of a split is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// By answers through this entry point, asked from here or in Traefik's own network.
    Asked { entry_point: String, within: bool },
    /// By what Traefik's API lists.
    Listed,
    /// By the proof of the other routers alone: Traefik takes up a split as a whole.
    WithOthers,
}

/// What was found out of how splits are proved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trial {
    /// What can't be promised, a sentence each.
    pub unpromised: Vec<String>,
    /// Routers of the service in whose place Traefik takes none of Teal's.
    pub unserved: Vec<Unserved>,
}

/// A router by which requests can't be steered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unserved {
    pub router: String,
    /// As a sentence, with the router's name.
    pub reason: String,
}

/// Why a probe does not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Obstacle {
    /// Nothing is there, or nothing answers.
    Silent(String),
    /// The entry point turns it away, whichever router it is for.
    TurnedAway(String),
    /// It is answered, by other routes.
    Elsewhere(String),
}

impl Obstacle {
    fn text(&self) -> &str {
        match self {
            Self::Silent(text) | Self::TurnedAway(text) | Self::Elsewhere(text) => text,
        }
    }
}

/// One router while its proof is looked for.
#[derive(Debug)]
struct Tried {
    proof: Option<Proof>,
    obstacles: Vec<Obstacle>,
    /// Where nothing answered when it was asked last.
    silent: Vec<Proof>,
    /// What the API says, where it was asked.
    listed: Option<Result<(), String>>,
    /// How many looks in a row the API has listed it.
    looks: u32,
}

/// What is looked for: the probes of one pin.
pub(super) struct Sought {
    pub(super) secret: String,
    /// The names of its routers, which their services have as well.
    pub(super) names: Vec<String>,
}

impl Sought {
    /// Looks until each router is proved, or none can be expected to be.
    pub(super) async fn find(&self, pinning: &Pinning, state: &mut Looking) {
        while Instant::now() < state.deadline {
            self.look(pinning, state).await;
            let is_settled = state.tried.iter().all(|tried| tried.proof.is_some());
            let is_late = state
                .first
                .is_some_and(|first| first.elapsed() >= WITH_THE_FIRST);
            if is_settled || is_late || state.wants_relay(pinning) {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&self, pinning: &Pinning, state: &mut Looking) {
        // The API first: what it lists is asked for after that.
        let listing = match pinning.gateway.api {
            Some(address) if state.has_api => Listing::ask(address).await,
            _ => None,
        };
        for (number, pinned) in pinning.routers.iter().enumerate() {
            let tried = &mut state.tried[number];
            if tried.proof.is_some() {
                continue;
            }
            tried.listed = listing.as_ref().map(|listing| {
                let name = &self.names[number];
                listing.serves(name, name, 1)
            });
            tried.looks = match tried.listed {
                Some(Ok(())) => tried.looks + 1,
                _ => 0,
            };
            tried.obstacles.clear();
            let secret = probe_value(&self.secret, number);
            for candidate in tried.in_turn(pinning.candidates(pinned)) {
                match ask(&candidate.door, &secret).await {
                    Ok(()) => {
                        tried.proof = Some(candidate.proof());
                        break;
                    }
                    Err(obstacle) => tried.meets(obstacle, candidate.proof()),
                }
            }
            if tried.proof.is_none() && tried.looks >= BEHIND {
                tried.proof = Some(Proof::Listed);
            }
            if tried.proof.is_some() {
                state.first.get_or_insert_with(Instant::now);
            }
        }
    }
}

/// What was seen so far.
#[derive(Debug)]
pub(super) struct Looking {
    tried: Vec<Tried>,
    /// When the first router was proved.
    first: Option<Instant>,
    has_api: bool,
    pub(super) deadline: Instant,
    /// Whether it may be asked in Traefik's own network, where nothing does yet.
    pub(super) may_relay: bool,
}

impl Looking {
    pub(super) async fn begin(pinning: &Pinning) -> Self {
        let tried = pinning.routers.iter().map(|_| Tried {
            proof: None,
            obstacles: Vec::new(),
            silent: Vec::new(),
            listed: None,
            looks: 0,
        });
        let has_api = match pinning.gateway.api {
            Some(address) => Listing::ask(address).await.is_some(),
            None => false,
        };
        Self {
            tried: tried.collect(),
            first: None,
            has_api,
            deadline: Instant::now() + pinning.gateway.throttle.windows(),
            may_relay: true,
        }
    }

    /// Whether a router can't be asked from here at all, and nothing asks in Traefik's own network.
    pub(super) fn wants_relay(&self, pinning: &Pinning) -> bool {
        let is_silent = |tried: &Tried| {
            let mut obstacles = tried.obstacles.iter();
            tried.proof.is_none() && obstacles.all(|it| matches!(it, Obstacle::Silent(_)))
        };
        self.may_relay && pinning.relay.is_none() && self.tried.iter().any(is_silent)
    }

    /// What each router's proof is; and what that means.
    ///
    /// # Errors
    /// [`TrafficError::Unproved`] where no router has one.
    pub(super) fn end(
        self,
        routers: &[Pinned],
        traefik: &str,
    ) -> Result<(Vec<Proof>, Trial), TrafficError> {
        let named = |pinned: &Pinned, tried: &Tried| {
            format!("router `{}`: {}", pinned.router.name, tried.reason())
        };
        if self.first.is_none() {
            let reasons = routers.iter().zip(&self.tried);
            let mut reasons: Vec<_> = reasons
                .map(|(pinned, tried)| named(pinned, tried))
                .collect();
            if !self.has_api {
                reasons.push("Traefik's API can't be asked from here".to_owned());
            }
            return Err(TrafficError::Unproved {
                traefik: traefik.to_owned(),
                reasons: reasons.join("; "),
            });
        }
        let mut trial = Trial::default();
        let mut proofs = Vec::new();
        for (pinned, tried) in routers.iter().zip(self.tried) {
            let named = named(pinned, &tried);
            match &tried.proof {
                Some(Proof::Asked { .. }) => {}
                Some(Proof::Listed) => trial.unpromised.push(format!(
                    "{named}, so that splits are proved by Traefik's API, and that the containers answer is not"
                )),
                Some(Proof::WithOthers) | None if tried.is_unserved() => {
                    trial.unserved.push(Unserved {
                        router: pinned.router.name.clone(),
                        reason: named,
                    });
                }
                Some(Proof::WithOthers) | None => trial.unpromised.push(format!(
                    "{named}, so that its splits are proved together with those of other routers alone"
                )),
            }
            proofs.push(tried.proof.unwrap_or(Proof::WithOthers));
        }
        Ok((proofs, trial))
    }
}

impl Tried {
    /// The best way first, but last those where nothing has answered: to ask there again may take as long
    /// as a probe may, and what asks in Traefik's own network would wait for it.
    fn in_turn(&self, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        candidates.sort_by_key(|candidate| self.silent.contains(&candidate.proof()));
        candidates
    }

    fn meets(&mut self, obstacle: Obstacle, on: Proof) {
        self.silent.retain(|silent| *silent != on);
        if matches!(obstacle, Obstacle::Silent(_)) {
            self.silent.push(on);
        }
        self.obstacles.push(obstacle);
    }

    /// Whether Traefik has taken up what proves the others, and this is not there.
    fn is_unserved(&self) -> bool {
        let mut obstacles = self.obstacles.iter();
        matches!(self.listed, Some(Err(_)))
            || obstacles.any(|it| matches!(it, Obstacle::Elsewhere(_)))
    }

    fn reason(&self) -> String {
        let mut reasons: Vec<_> = self.obstacles.iter().map(Obstacle::text).collect();
        if let Some(Err(problem)) = &self.listed {
            reasons.push(problem);
        }
        reasons.dedup();
        match reasons.is_empty() {
            true => "none of its entry points can be asked".to_owned(),
            false => reasons.join(", "),
        }
    }
}

/// Whether a probe gets to where only it leads, or what is in its way.
async fn ask(door: &Door, secret: &str) -> Result<(), Obstacle> {
    let at = format!("the entry point at {}", door.endpoint);
    let target = strange_target(door);
    match http::get(&door.endpoint, &target, Some(secret), ONE_PROBE).await {
        Ok(answer) if answer.proof.as_deref() == Some(secret) => Ok(()),
        Ok(answer) if turns_away(answer.status) => Err(Obstacle::TurnedAway(format!(
            "{at} answers {} before a request gets to a router",
            answer.status
        ))),
        Ok(answer) => Err(Obstacle::Elsewhere(format!(
            "{at} answers {} by other routes",
            answer.status
        ))),
        Err(problem @ (NoAnswer::Connect(_) | NoAnswer::TimedOut(_))) => {
            Err(Obstacle::Silent(format!("{at} can't be asked: {problem}")))
        }
        Err(problem) => Err(Obstacle::TurnedAway(format!(
            "{at} takes no request of Teal's: {problem}"
        ))),
    }
}

/// Whether this is how a middleware answers that lets nobody in whom it does not know.
const fn turns_away(status: u16) -> bool {
    matches!(status, 300..=399 | 401 | 403 | 407 | 429)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::Endpoint,
        labels::{Backend, Options, Router},
        pins::Limited,
        rule::Target,
    };

    fn pinned(name: &str) -> Pinned {
        Pinned {
            router: Router {
                name: name.into(),
                rule: "PathPrefix(`/`)".into(),
                priority: 15,
                entry_points: Vec::new(),
                tls: false,
                middlewares: Vec::new(),
                service: "web".into(),
                options: Options::default(),
            },
            backend: Backend {
                name: "web".into(),
                port: Some(80),
                options: Options::default(),
            },
            port: 80,
            shadows: Vec::new(),
            strips_prefix: false,
            probe_middlewares: Vec::new(),
            limited: Limited::No,
        }
    }

    fn tried(proof: Option<Proof>, obstacle: Option<Obstacle>) -> Tried {
        Tried {
            proof,
            obstacles: obstacle.into_iter().collect(),
            silent: Vec::new(),
            listed: None,
            looks: 0,
        }
    }

    fn end(tried: Vec<Tried>) -> Result<(Vec<Proof>, Trial), TrafficError> {
        let names = ["one", "other"].iter().take(tried.len());
        let routers: Vec<_> = names.map(|name| pinned(name)).collect();
        let is_any = tried.iter().any(|tried| tried.proof.is_some());
        let looking = Looking {
            tried,
            first: is_any.then(Instant::now),
            has_api: false,
            deadline: Instant::now(),
            may_relay: true,
        };
        looking.end(&routers, "traefik")
    }

    fn asked() -> Proof {
        Proof::Asked {
            entry_point: "web".into(),
            within: false,
        }
    }

    fn turned_away() -> Obstacle {
        Obstacle::TurnedAway("the entry point answers 401".into())
    }

    #[test]
    fn without_any_proof_each_router_says_why() {
        let silent = Obstacle::Silent("nothing is there".into());
        let error = end(vec![
            tried(None, Some(turned_away())),
            tried(None, Some(silent)),
        ]);
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("router `one`: the entry point answers 401"),
            "{text}"
        );
        assert!(text.contains("router `other`: nothing is there"), "{text}");
        assert!(text.contains("API can't be asked"), "{text}");
    }

    #[test]
    fn one_that_turns_probes_away_goes_with_the_others() {
        let tried = vec![tried(Some(asked()), None), tried(None, Some(turned_away()))];
        let (proofs, trial) = end(tried).unwrap();
        assert_eq!(proofs, [asked(), Proof::WithOthers]);
        assert_eq!(trial.unserved, []);
        assert!(trial.unpromised[0].contains("router `other`"), "{trial:?}");
    }

    #[test]
    fn one_whose_place_traefik_gives_to_others_is_told_apart() {
        let elsewhere = Obstacle::Elsewhere("it answers 404 by other routes".into());
        let (_, trial) = end(vec![
            tried(Some(asked()), None),
            tried(None, Some(elsewhere)),
        ])
        .unwrap();
        assert_eq!(trial.unpromised, [""; 0]);
        assert_eq!(trial.unserved[0].router, "other");
        assert!(trial.unserved[0].reason.contains("404"), "{trial:?}");
    }

    #[test]
    fn where_nothing_answered_it_is_asked_last() {
        let candidate = |name: &str| Candidate {
            entry_point: name.to_owned(),
            door: Door {
                endpoint: Endpoint::here(([127, 0, 0, 1], 80).into(), false),
                target: Target::new("PathPrefix(`/`)", None, false),
                other_paths: Vec::new(),
                limited: Limited::No,
            },
        };
        let order = |tried: &Tried| -> Vec<String> {
            let candidates = ["web", "intern", "last"].map(candidate).to_vec();
            let in_turn = tried.in_turn(candidates).into_iter();
            in_turn.map(|candidate| candidate.entry_point).collect()
        };
        let mut tried = tried(None, None);
        assert_eq!(order(&tried), ["web", "intern", "last"]);
        tried.meets(
            Obstacle::Silent("no answer".into()),
            candidate("web").proof(),
        );
        tried.meets(turned_away(), candidate("intern").proof());
        assert_eq!(order(&tried), ["intern", "last", "web"]);
        tried.meets(turned_away(), candidate("web").proof());
        assert_eq!(order(&tried), ["web", "intern", "last"]);
    }

    #[test]
    fn what_only_the_api_proves_is_said() {
        let (proofs, trial) = end(vec![tried(Some(Proof::Listed), Some(turned_away()))]).unwrap();
        assert_eq!(proofs, [Proof::Listed]);
        assert!(trial.unpromised[0].contains("401"), "{trial:?}");
    }
}
