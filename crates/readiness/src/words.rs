//! The words of a service: of its name, its image, and the command that it ends up running.

use teal_compose::ComposeService;
use teal_docker::ImageName;

/// What starts another program and is none itself.
const LAUNCHERS: &str = "bash bundle do dumb-init env exec gosu node nohup npm npx php pipenv pnpm \
                         poetry python python3 ruby run sh su-exec sudo then time tini uv yarn";

/// Ends a script without doing anything.
const CLOSING: &str = "done echo exit fi printf sleep true wait";

/// What serves requests, whatever else stands on its line.
const SERVERS: &str = "apache2 apache2-foreground caddy daphne fastcgi gunicorn hypercorn nginx \
                       php-fpm puma runserver serve server uvicorn uwsgi waitress-serve";

/// So many words of a line tell what is run; the others are its arguments.
const TELLING: usize = 3;

pub(super) fn is_one_of(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|known| known == name)
}

/// The parts of a name: `rq`, `scheduler` of `rq-scheduler`.
pub(super) fn parts(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    let parts = name.split(|letter: char| !letter.is_alphanumeric());
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The last part of a name, which says what it is; the others say whose.
pub(super) fn last(name: &str) -> String {
    parts(name).pop().unwrap_or_default()
}

/// The last part of the image's name; empty for one that is only built.
pub(super) fn image(service: &ComposeService) -> String {
    let image = service
        .image
        .as_deref()
        .map(|image| ImageName::new(image).last());
    image.unwrap_or_default().to_lowercase()
}

/// All words of entry point and command, scripts of a shell taken apart.
pub(super) fn all(service: &ComposeService) -> Vec<String> {
    let words = lines(service).into_iter().flatten();
    words.map(|word| base(&word)).collect()
}

/// Whether a line of what it runs starts one of these programs, whatever it goes on running then.
pub(super) fn starts(programs: &str, service: &ComposeService) -> bool {
    /// They start what is named behind them.
    const STARTERS: &str = "busybox nice rc-service runuser service setpriv start-stop-daemon su \
                            systemctl timeout";
    lines(service).iter().any(|line| {
        let words = line.iter().filter(|word| !word.contains('='));
        let mut words = telling(words);
        match words.next() {
            Some(first) if is_one_of(STARTERS, &first) => {
                words.any(|word| is_one_of(programs, &word))
            }
            first => first.is_some_and(|first| is_one_of(programs, &first)),
        }
    })
}

/// The words that tell what the service goes on running: of a script its last line, without
/// what only starts it, and without options.
pub(super) fn program(service: &ComposeService) -> Vec<String> {
    let lines = lines(service);
    let is_closing = |line: &&Vec<String>| {
        line.first()
            .is_none_or(|word| is_one_of(CLOSING, &base(word)))
    };
    let line = lines.iter().rev().find(|line| !is_closing(line));
    telling(line.into_iter().flatten()).take(TELLING).collect()
}

/// A line's words without options, addresses, and what only starts a program.
fn telling<'a>(words: impl Iterator<Item = &'a String>) -> impl Iterator<Item = String> {
    words
        .filter(|word| !word.starts_with('-') && !word.contains("://"))
        .map(|word| base(word))
        .filter(|word| !is_one_of(LAUNCHERS, word))
}

/// Whether what it runs answers requests.
pub(super) fn serves(service: &ComposeService) -> bool {
    let program = program(service);
    program.iter().any(|word| is_one_of(SERVERS, word))
}

/// The commands of entry point and command, each as its words.
pub(super) fn lines(service: &ComposeService) -> Vec<Vec<String>> {
    let words = service.entrypoint.iter().chain(&service.command).flatten();
    let mut lines = vec![Vec::new()];
    for word in words {
        let script = word.replace("&&", "\n").replace("||", "\n");
        for (at, line) in script.split(['\n', ';', '|']).enumerate() {
            if at > 0 {
                lines.push(Vec::new());
            }
            for word in line.split_whitespace() {
                add(word, &mut lines);
            }
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// Adds a word to the last line, and ends that where the word sends it to the background.
fn add(word: &str, lines: &mut Vec<Vec<String>>) {
    let foreground = word.strip_suffix('&');
    let word = foreground.unwrap_or(word);
    let word = word.trim_matches(['"', '\'', '`', '(', ')']);
    if let Some(last) = lines.last_mut().filter(|_| !word.is_empty()) {
        last.push(word.to_owned());
    }
    if foreground.is_some() {
        lines.push(Vec::new());
    }
}

/// A program without its folder and the ending of its file: `cron` of `/usr/local/bin/cron.sh`.
pub(super) fn base(word: &str) -> String {
    const ENDINGS: [&str; 7] = [".sh", ".py", ".js", ".mjs", ".ts", ".rb", ".php"];
    let name = word.rsplit('/').next().unwrap_or(word);
    let ending = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
    ending.unwrap_or(name).to_lowercase()
}
