//! Traefik's routing rules as expressions: which hosts one can match, and the same rule without
//! naming them.

use std::{collections::BTreeSet, fmt, iter::Peekable, str::Chars};

/// Rules nest a few levels; more is not a rule of a person's.
const DEEPEST: usize = 64;

/// A rule, as Traefik's language nests it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Matcher { name: String, values: Vec<String> },
}

/// Whether one request can match both rules, as far as their hosts tell.
pub(super) fn can_meet(one: &str, other: &str) -> bool {
    match (hosts(one), hosts(other)) {
        (Some(one), Some(other)) => !one.is_disjoint(&other),
        _ => true,
    }
}

/// The same rule with a regular expression for each host that it names.
///
/// Before 3.7.15 Traefik takes each host in a rule, also a negated one, for one that the router
/// serves: two routers with other TLS options for one host both lose theirs, and a certificate is
/// asked for it. It takes no host from a regular expression.
pub(super) fn without_host_names(rule: &str, is_old_syntax: bool) -> String {
    match Expression::parse(rule) {
        Some(expression) => expression.without_host_names(is_old_syntax).to_string(),
        // Traefik can't read it either.
        None => rule.to_owned(),
    }
}

/// The hosts of all requests that a rule matches, in lower case; `None` if it may be any.
fn hosts(rule: &str) -> Option<BTreeSet<String>> {
    Expression::parse(rule)?.hosts()
}

fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case("Host") || name.eq_ignore_ascii_case("HostHeader")
}

impl Expression {
    fn parse(rule: &str) -> Option<Self> {
        let mut parser = Parser {
            rest: rule.chars().peekable(),
            depth: 0,
        };
        let expression = parser.any()?;
        parser.skip_space();
        parser.rest.peek().is_none().then_some(expression)
    }

    fn hosts(&self) -> Option<BTreeSet<String>> {
        match self {
            Self::Any(parts) => parts
                .iter()
                .map(Self::hosts)
                .try_fold(BTreeSet::new(), |all, hosts| Some(&all | &hosts?)),
            Self::All(parts) => parts
                .iter()
                .filter_map(Self::hosts)
                .reduce(|one, other| &one & &other),
            Self::Matcher { name, values } if is_host(name) => {
                values.iter().map(|value| plain_host(value)).collect()
            }
            Self::Not(_) | Self::Matcher { .. } => None,
        }
    }

    fn without_host_names(self, is_old_syntax: bool) -> Self {
        let each = |parts: Vec<Self>| {
            parts
                .into_iter()
                .map(|part| part.without_host_names(is_old_syntax))
                .collect()
        };
        match self {
            Self::Any(parts) => Self::Any(each(parts)),
            Self::All(parts) => Self::All(each(parts)),
            Self::Not(part) => Self::Not(Box::new(part.without_host_names(is_old_syntax))),
            // There a value is taken as it is but for braces.
            Self::Matcher { name, values } if is_host(&name) && is_old_syntax => Self::Matcher {
                name: "HostRegexp".into(),
                values,
            },
            Self::Matcher { name, values }
                if is_host(&name) && values.iter().all(|value| plain_host(value).is_some()) =>
            {
                let regexps = values.iter().map(|value| Self::Matcher {
                    name: "HostRegexp".into(),
                    values: vec![only(value)],
                });
                Self::Any(regexps.collect())
            }
            matcher @ Self::Matcher { .. } => matcher,
        }
    }
}

/// A host as Traefik compares it; none for a pattern.
fn plain_host(value: &str) -> Option<String> {
    let is_plain = !value.contains(['*', '{', '}']);
    is_plain.then(|| value.trim_end_matches('.').to_ascii_lowercase())
}

/// A regular expression that matches this host alone, with or without its last dot.
fn only(host: &str) -> String {
    let host = host.trim_end_matches('.');
    let escaped = host.chars().flat_map(|character| {
        let escape = (character.is_ascii_punctuation()).then_some('\\');
        escape.into_iter().chain([character])
    });
    format!("(?i)^{}\\.?$", escaped.collect::<String>())
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = |parts: &[Self], between: &str| {
            f.write_str("(")?;
            for (number, part) in parts.iter().enumerate() {
                let between = if number == 0 { "" } else { between };
                write!(f, "{between}{part}")?;
            }
            f.write_str(")")
        };
        match self {
            Self::Any(parts) => list(parts, " || "),
            Self::All(parts) => list(parts, " && "),
            Self::Not(part) => write!(f, "!{part}"),
            Self::Matcher { name, values } => {
                let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
                write!(f, "{name}({})", values.join(", "))
            }
        }
    }
}

fn quoted(value: &str) -> String {
    match value.contains('`') {
        true => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
        false => format!("`{value}`"),
    }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<Expression> {
        let mut parts = vec![self.all()?];
        while self.takes("||")? {
            parts.push(self.all()?);
        }
        Some(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Option<Expression> {
        let mut parts = vec![self.one()?];
        while self.takes("&&")? {
            parts.push(self.one()?);
        }
        Some(one_or(parts, Expression::All))
    }

    fn one(&mut self) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let expression = if self.takes("!")? {
            Expression::Not(Box::new(self.one()?))
        } else if self.takes("(")? {
            let inner = self.any()?;
            self.takes(")")?.then_some(inner)?
        } else {
            self.matcher()?
        };
        self.depth -= 1;
        Some(expression)
    }

    fn matcher(&mut self) -> Option<Expression> {
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(|next| next.is_alphanumeric()) {
            name.push(letter);
        }
        if name.is_empty() || !self.takes("(")? {
            return None;
        }
        let mut values = Vec::new();
        while !self.takes(")")? {
            values.push(self.value()?);
            self.takes(",")?;
        }
        Some(Expression::Matcher { name, values })
    }

    fn value(&mut self) -> Option<String> {
        let quote = self.rest.next_if(|next| matches!(next, '`' | '"'))?;
        let mut value = String::new();
        loop {
            match self.rest.next()? {
                end if end == quote => return Some(value),
                '\\' if quote == '"' => value.push(self.rest.next()?),
                character => value.push(character),
            }
        }
    }

    fn skip_space(&mut self) {
        while self.rest.next_if(|next| next.is_whitespace()).is_some() {}
    }

    /// Whether this token came next, after white space; `None` if it began and did not end.
    fn takes(&mut self, token: &str) -> Option<bool> {
        self.skip_space();
        let mut token = token.chars();
        let first = token.next()?;
        if self.rest.next_if_eq(&first).is_none() {
            return Some(false);
        }
        for character in token {
            self.rest.next_if_eq(&character)?;
        }
        self.skip_space();
        Some(true)
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.len() {
        1 => parts.swap_remove(0),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_different_hosts_can_not_meet() {
        let meet = |one, other| {
            assert_eq!(can_meet(one, other), can_meet(other, one));
            can_meet(one, other)
        };
        assert!(!meet("Host(`web.test`)", "Host(`admin.test`)"));
        assert!(!meet(
            "Host(`web.test`) && PathPrefix(`/`)",
            "(Host(`admin.test`) || host(\"b.test\")) && !Path(`/x`)"
        ));
        assert!(meet("Host(`Web.test`)", "Host(`web.TEST.`) && Path(`/a`)"));
        assert!(meet("Host(`a.test`, `b.test`)", "HostHeader(`b.test`)"));
    }

    #[test]
    fn a_rule_that_may_take_any_host_meets_all() {
        for any in [
            "PathPrefix(`/`)",
            "HostRegexp(`.+`)",
            "Host(`*.test`)",
            "Host(`{sub:[a-z]+}.test`)",
            "!Host(`b.test`)",
            "Host(`b.test`) || Path(`/x`)",
            "Host(`b.test`",
            "",
        ] {
            assert!(can_meet(any, "Host(`a.test`)"), "{any}");
        }
        // A part that is bound to one host binds the whole.
        assert!(!can_meet(
            "!Host(`a.test`) && Host(`b.test`)",
            "Host(`a.test`)"
        ));
    }

    #[test]
    fn a_rule_says_the_same_without_the_names_of_hosts() {
        let written = |rule| without_host_names(rule, false);
        assert_eq!(
            written("Host(`a-b.test.`) && !(Path(`/x`) || HOST(\"c.test\"))"),
            r"((HostRegexp(`(?i)^a\-b\.test\.?$`)) && !(Path(`/x`) || (HostRegexp(`(?i)^c\.test\.?$`))))"
        );
        assert_eq!(
            written("Header(`a`, \"b`\\\"\")"),
            "Header(`a`, \"b`\\\"\")"
        );
        assert_eq!(written("Host(`*.test`)"), "Host(`*.test`)");
        assert_eq!(
            without_host_names("Host(`a.test`, `b.test`)", true),
            "HostRegexp(`a.test`, `b.test`)"
        );
        assert_eq!(written("Host(`a.test`"), "Host(`a.test`");
    }
}
