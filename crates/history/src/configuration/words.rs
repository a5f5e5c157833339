//! A command line as it may be shown and kept: passwords and keys are often among its words, and what
//! a plan says is in records and journals, on the screen, and readable by everybody on the engine.

const HIDDEN: &str = "…";

/// What leads a word to its script, as in `sh -c`.
const PLAIN: [&str; 2] = ["-c", "-ec"];

/// The program with its subcommands, and the names of options. Whatever may be a value is hidden: what
/// comes after an option's name, and everything from the first option on that is none.
pub fn shown(words: &[String]) -> String {
    let mut has_option = false;
    let words = words.iter().enumerate().map(|(at, word)| {
        let option = option(word).or_else(|| variable(word).filter(|_| !has_option));
        has_option |= option.is_some();
        match option {
            Some(option) => option,
            // The program and one subcommand; whatever follows may be a value.
            None if has_option || at > 1 || !is_plain(word) => HIDDEN.to_owned(),
            None => word.clone(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Two command lines that differ, as they may be shown.
pub fn shown_both(before: &[String], after: &[String]) -> (String, String) {
    let (was, is) = (shown(before), shown(after));
    match was == is {
        true => (was, format!("{is} (a value that is not shown differs)")),
        false => (was, is),
    }
}

/// `NAME=` of a variable, as `env` takes them.
fn variable(word: &str) -> Option<String> {
    let (name, _) = word.split_once('=')?;
    let is_name =
        |character: char| character.is_ascii_uppercase() || "_0123456789".contains(character);
    (!name.is_empty() && name.chars().all(is_name)).then(|| format!("{name}={HIDDEN}"))
}

/// The name of an option, with a sign that a value follows within the word; `None` for other words.
fn option(word: &str) -> Option<String> {
    if let Some((name, _)) = word.split_once('=')
        && name.starts_with('-')
        && is_plain(name)
    {
        return Some(format!("{name}={HIDDEN}"));
    }
    let name = word.strip_prefix('-')?;
    let is_long = name.strip_prefix('-').is_some_and(is_plain);
    // `-p` has its value in the next word, or in this one: `-psecret`.
    let is_short = name.chars().count() == 1 || PLAIN.contains(&word);
    Some(match name.chars().next() {
        _ if is_long || is_short => word.to_owned(),
        Some(first) => format!("-{first}{HIDDEN}"),
        None => HIDDEN.to_owned(),
    })
}

/// Whether it looks like a program, a subcommand or an option's name; no address with a password, and no
/// script.
fn is_plain(word: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || "-_./".contains(character);
    !word.is_empty() && word.chars().all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn programs_and_the_names_of_options_are_shown_and_values_are_not() {
        for (text, wanted) in [
            ("serve", "serve"),
            ("/usr/bin/app serve --fast", "/usr/bin/app serve --fast"),
            (
                "redis-server --requirepass s3cret",
                "redis-server --requirepass …",
            ),
            ("app --api-key=s3cret --port 80", "app --api-key=… --port …"),
            ("mysqld -ps3cret -u root", "mysqld -p… -u …"),
            ("env TOKEN=s3cret app", "env TOKEN=… …"),
            ("app --key c2VjcmV0cGFzcw==", "app --key …"),
            ("app --key S3CRET==", "app --key …"),
            ("app s3cret==", "app …"),
            ("app run s3cret", "app run …"),
            ("app postgres://u:s3cret@db/x", "app …"),
            ("app --s3cret=p:w=", "app --s3cret=…"),
            ("app --header=Authorization:s3cret", "app --header=…"),
            ("app - -- s3cret", "app … -- …"),
        ] {
            assert_eq!(shown(&words(text)), wanted, "{text}");
        }
        let script = ["sh", "-c", "exec app --password s3cret"].map(str::to_owned);
        assert_eq!(shown(&script), "sh -c …");
        let script = ["sh", "curl -H 'X-Key: s3cret' x"].map(str::to_owned);
        assert_eq!(shown(&script), "sh …");
        assert_eq!(shown(&[]), "");
    }

    #[test]
    fn values_that_differ_are_told_as_such() {
        let (was, is) = shown_both(&words("app --key one"), &words("app --key two"));
        assert_eq!(was, "app --key …");
        assert_eq!(is, "app --key … (a value that is not shown differs)");
        let (was, is) = shown_both(&words("serve"), &words("serve --fast"));
        assert_eq!((was.as_str(), is.as_str()), ("serve", "serve --fast"));
    }
}
