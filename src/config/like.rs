//! Files by the pattern of their names.
use std::path::{Path, PathBuf};

/// Finds the files whose path matches, `*` and `?` within each part of it, sorted; of each folder so many at most.
pub fn files_like(pattern: &Path, most: usize) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = Path::new(part.as_os_str());
        let text = part.to_string_lossy();
        if !text.contains(['*', '?']) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let mut next = Vec::new();
        for dir in &found {
            let here = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
            let names = std::fs::read_dir(here).into_iter().flatten().flatten().map(|entry| entry.file_name());
            let mut names: Vec<_> = names
                .filter(|name| {
                    let name = name.to_string_lossy();
                    !name.starts_with('.') && matches(&text, &name)
                })
                .collect();
            names.sort();
            next.extend(names.into_iter().take(most).map(|name| dir.join(name)));
        }
        found = next;
    }
    found.retain(|path| path.is_file());
    found
}

/// Says whether a name matches a pattern of `*` and `?`. Linear: the last `*` is the only one gone back to.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut back) = (0, 0, None);
    while let Some(letter) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, n));
                p += 1;
            }
            Some(of) if *of == '?' || of == letter => (p, n) = (p + 1, n + 1),
            _ => match back {
                Some((star, at)) => {
                    back = Some((star, at + 1));
                    (p, n) = (star + 1, at + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_patterns() {
        for (pattern, name, is) in [
            ("*.toml", "a.toml", true),
            ("*.toml", "a.toml~", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "ab ab a", false),
            ("**", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }
}
