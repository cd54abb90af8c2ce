//! Words with quotes: what stands behind a fence, and what a person types as values.

/// Divides a text at its blanks, each word with its place; between double quotes blanks are kept, and `\"` is a quote.
///
/// # Errors
/// The place of a quote that is never closed.
pub fn words(text: &str) -> Result<Vec<(usize, String)>, usize> {
    let mut words = Vec::new();
    let mut word: Option<(usize, String)> = None;
    let (mut quoted, mut escaped) = (None, false);
    for (at, letter) in text.chars().enumerate() {
        if letter.is_whitespace() && quoted.is_none() {
            words.extend(word.take());
            continue;
        }
        let (_, text) = word.get_or_insert_with(|| (at, String::new()));
        if escaped {
            // Only a quote needs it: a regular expression keeps its backslashes.
            if letter != '"' {
                text.push('\\');
            }
            text.push(letter);
            escaped = false;
        } else if letter == '\\' && quoted.is_some() {
            escaped = true;
        } else if letter == '"' {
            quoted = if quoted.is_none() { Some(at) } else { None };
        } else {
            text.push(letter);
        }
    }
    words.extend(word);
    quoted.map_or(Ok(words), Err)
}
