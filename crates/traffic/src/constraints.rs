//! Traefik's `providers.docker.constraints`: which containers it looks at.

use std::collections::HashMap;

use super::rule::matchers;

/// The labels that a constraint expression asks for.
pub(super) fn labels_in(expression: &str) -> Vec<String> {
    matchers(expression)
        .into_iter()
        .filter_map(|matcher| matcher.values.into_iter().next())
        .collect()
}

/// Whether a container with these labels passes. `None` if Teal can't tell, as with regular
/// expressions.
pub(super) fn matches(expression: &str, labels: &HashMap<String, String>) -> Option<bool> {
    if expression.trim().is_empty() {
        return Some(true);
    }
    let mut parser = Parser {
        rest: expression,
        labels,
    };
    let result = parser.any()?;
    parser.rest.trim().is_empty().then_some(result)
}

struct Parser<'a> {
    rest: &'a str,
    labels: &'a HashMap<String, String>,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<bool> {
        let mut result = self.all()?;
        while self.take("||") {
            result |= self.all()?;
        }
        Some(result)
    }

    fn all(&mut self) -> Option<bool> {
        let mut result = self.one()?;
        while self.take("&&") {
            result &= self.one()?;
        }
        Some(result)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("!") {
            return Some(!self.one()?);
        }
        if self.take("(") {
            let result = self.any()?;
            return self.take(")").then_some(result);
        }
        if !(self.take("Label(") || self.take("label(")) {
            return None;
        }
        let key = self.quoted()?;
        self.take(",").then_some(())?;
        let value = self.quoted()?;
        self.take(")")
            .then_some(self.labels.get(key).is_some_and(|found| found == value))
    }

    fn quoted(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let quote = self
            .rest
            .chars()
            .next()
            .filter(|quote| matches!(quote, '`' | '"'))?;
        let (text, rest) = self.rest[1..].split_once(quote)?;
        self.rest = rest;
        Some(text)
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_evaluated_as_traefik_does() {
        let labels = HashMap::from([
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ]);
        let passes = |expression| matches(expression, &labels);
        assert_eq!(passes(""), Some(true));
        assert_eq!(passes("Label(`a`, `1`) && !Label(`b`,`1`)"), Some(true));
        assert_eq!(
            passes("Label(`a`,`2`) || (Label(\"b\",\"2\") && Label(`c`,`x`))"),
            Some(false)
        );
        assert_eq!(passes("LabelRegex(`a`, `.*`)"), None);
    }

    #[test]
    fn the_labels_of_an_expression_are_found() {
        assert_eq!(
            labels_in("Label(`a.b`,`1`) || !LabelRegex(`c`, `x)y`)"),
            ["a.b", "c"]
        );
    }
}
