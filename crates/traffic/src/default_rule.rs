//! Traefik's default rule: a template that makes the rule of a router that has none.

use super::labels::{Subject, normalize};

/// The template of `providers.docker.defaultRule`.
#[derive(Debug, Clone)]
pub(super) struct DefaultRule(pub(super) String);

impl Default for DefaultRule {
    fn default() -> Self {
        Self("Host(`{{ normalize .Name }}`)".into())
    }
}

impl DefaultRule {
    /// The rule for a container. Knows the part of Go's templates that Traefik's documentation
    /// uses; an error says what it does not know.
    pub(super) fn evaluate(&self, subject: &Subject<'_>) -> Result<String, String> {
        let mut rule = String::new();
        let mut rest = self.0.as_str();
        while let Some((text, action)) = rest.split_once("{{") {
            let (action, after) = action
                .split_once("}}")
                .ok_or_else(|| format!("default rule `{}` is not closed", self.0))?;
            rule.push_str(text);
            rule.push_str(&evaluate_action(action.trim(), subject)?);
            rest = after;
        }
        rule.push_str(rest);
        Ok(rule)
    }
}

fn evaluate_action(action: &str, subject: &Subject<'_>) -> Result<String, String> {
    let unknown = || format!("Teal can't evaluate `{{{{ {action} }}}}` in Traefik's default rule");
    let mut stages = action.split('|').map(split_words);
    let first = stages.next().ok_or_else(unknown)?;
    let mut value = apply(&first, None, subject).ok_or_else(unknown)?;
    for stage in stages {
        value = apply(&stage, Some(value), subject).ok_or_else(unknown)?;
    }
    Ok(value)
}

/// One call of a template: function, arguments, and what a pipe hands it as the last argument.
fn apply(words: &[String], piped: Option<String>, subject: &Subject<'_>) -> Option<String> {
    let (function, arguments) = words.split_first()?;
    let mut values = Vec::new();
    for argument in arguments {
        if argument != ".Labels" {
            values.push(operand(argument, subject)?);
        }
    }
    values.extend(piped);
    match (function.as_str(), values.as_slice()) {
        ("normalize", [name]) => Some(normalize(name)),
        ("lower", [text]) => Some(text.to_lowercase()),
        ("trimPrefix", [prefix, text]) => {
            Some(text.strip_prefix(prefix.as_str()).unwrap_or(text).into())
        }
        ("trimSuffix", [suffix, text]) => {
            Some(text.strip_suffix(suffix.as_str()).unwrap_or(text).into())
        }
        ("replace", [from, to, text]) => Some(text.replace(from.as_str(), to)),
        ("index", [key]) => Some(subject.labels.get(key).cloned().unwrap_or_default()),
        (value, []) => operand(value, subject),
        _ => None,
    }
}

fn operand(word: &str, subject: &Subject<'_>) -> Option<String> {
    match word {
        ".Name" => Some(subject.default_name()),
        ".ContainerName" => Some(subject.name.to_owned()),
        _ => word
            .strip_prefix(['"', '`'])
            .and_then(|text| text.strip_suffix(['"', '`']))
            .map(str::to_owned),
    }
}

/// Words of a template action; quoted text stays whole, with its quotes.
fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for character in text.chars() {
        match quote {
            None if character.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if matches!(character, '"' | '`') => quote = Some(character),
            Some(open) if open == character => quote = None,
            _ => {}
        }
        word.push(character);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
