//! From Perl's syntax of expressions to the one of the regex crate.

/// What of Perl's syntax differs, written as the regex crate reads it; what cannot be is named.
pub(super) fn translate(pattern: &str, end_before_newline: bool) -> Result<String, &'static str> {
    let mut translator = Translator {
        letters: pattern.chars().collect(),
        place: 0,
        out: String::with_capacity(pattern.len() + 16),
        class: false,
        end_before_newline,
    };
    while let Some(letter) = translator.next() {
        if letter == '\\' {
            translator.escape()?;
        } else if translator.class {
            translator.in_class(letter);
        } else {
            translator.outside(letter)?;
        }
    }
    Ok(translator.out)
}

struct Translator {
    letters: Vec<char>,
    place: usize,
    out: String,
    /// Whether the place is within brackets.
    class: bool,
    end_before_newline: bool,
}

impl Translator {
    fn next(&mut self) -> Option<char> {
        let letter = self.letters.get(self.place).copied();
        self.place += 1;
        letter
    }

    /// The next letter, without taking it.
    fn peek(&self) -> Option<char> {
        self.letters.get(self.place).copied()
    }

    /// Takes the next letter if it is this one.
    fn take(&mut self, letter: char) -> bool {
        let is_next = self.peek() == Some(letter);
        self.place += usize::from(is_next);
        is_next
    }

    /// Takes at most so many digits.
    fn digits(&mut self, base: u32, most: usize) -> u32 {
        let mut number = 0;
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|letter| letter.to_digit(base)) else {
                break;
            };
            number = number * base + digit;
            self.place += 1;
        }
        number
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), &'static str> {
        let Some(letter) = self.next() else {
            return Err("a backslash at its end");
        };
        // Three octal digits are a byte, fewer refer to a group.
        let is_octal = |place: usize| {
            self.letters
                .get(place)
                .is_some_and(|letter| letter.is_digit(8))
        };
        let octal = letter.is_digit(8) && is_octal(self.place) && is_octal(self.place + 1);
        match (letter, self.class || octal) {
            ('1'..='9' | 'k' | 'g', false) => return Err("back references"),
            ('K' | 'G' | 'R' | 'X' | 'C', false) => return Err("\\K, \\G, \\R, \\X or \\C"),
            ('c', _) => return Err("control characters as \\c"),
            ('0'..='7', _) => {
                self.place -= 1;
                let number = self.digits(8, 3);
                self.byte(number);
            }
            // Perl takes one digit or two, the regex crate two; braces are the same.
            ('x', _) if self.peek() != Some('{') => {
                let number = self.digits(16, 2);
                self.byte(number);
            }
            ('Q', _) => self.quoted(),
            ('E', _) => {}
            ('Z', false) => self.out.push_str("(?:\\n?\\z)"),
            ('e', _) => self.byte(0x1b),
            ('b', true) => self.byte(0x08),
            ('h', true) => self.out.push_str(" \\t"),
            ('h', false) => self.out.push_str("[ \\t]"),
            ('N', false) => self.out.push_str("[^\\n]"),
            ('d' | 'D' | 'w' | 'W' | 's' | 'S' | 'n' | 'r' | 't' | 'f' | 'v' | 'a' | 'x', _)
            | ('b' | 'B' | 'A' | 'z', false) => self.out.extend(['\\', letter]),
            (other, _) => self.literal(other),
        }
        Ok(())
    }

    /// Letters up to `\E`, which all stand for themselves.
    fn quoted(&mut self) {
        while let Some(letter) = self.next() {
            if letter == '\\' && self.take('E') {
                return;
            }
            self.literal(letter);
        }
    }

    /// A letter within brackets.
    fn in_class(&mut self, letter: char) {
        match letter {
            ']' => {
                self.class = false;
                self.out.push(']');
            }
            // A POSIX class keeps its brackets, any other bracket within brackets is itself.
            '[' if self.peek() == Some(':') => {
                self.out.push('[');
                while let Some(letter) = self.next() {
                    self.out.push(letter);
                    if letter == ']' {
                        return;
                    }
                }
            }
            '[' | '&' | '~' => self.out.extend(['\\', letter]),
            '-' if self.peek() == Some('-') => self.out.push_str("\\-"),
            other if other.is_ascii() => self.out.push(other),
            other => self.literal(other),
        }
    }

    /// A letter outside brackets.
    fn outside(&mut self, letter: char) -> Result<(), &'static str> {
        match letter {
            '[' => {
                self.class = true;
                self.out.push('[');
                if self.take('^') {
                    self.out.push('^');
                }
                if self.take(']') {
                    self.out.push_str("\\]");
                }
            }
            '(' if self.peek() == Some('?') => self.group()?,
            '*' | '+' | '?' if self.peek() == Some('+') => return Err("possessive quantifiers"),
            '}' if self.closes_count() && self.peek() == Some('+') => {
                return Err("possessive quantifiers");
            }
            '{' if !self.opens_count() => self.out.push_str("\\{"),
            '}' if !self.closes_count() => self.out.push_str("\\}"),
            '$' if self.end_before_newline => self.out.push_str("(?:\\n?\\z)"),
            other if other.is_ascii() => self.out.push(other),
            other => self.literal(other),
        }
        Ok(())
    }

    /// What stands behind `(` where `?` follows.
    fn group(&mut self) -> Result<(), &'static str> {
        let at = |place: usize| {
            self.letters
                .get(self.place + place)
                .copied()
                .unwrap_or('\0')
        };
        match (at(1), at(2)) {
            ('=' | '!', _) | ('<', '=' | '!') => return Err("look-around"),
            ('>', _) => return Err("atomic groups"),
            ('P', '=' | '>') => return Err("back references"),
            ('R' | '(' | '|' | '&' | '+' | '0'..='9', _) | ('-', '0'..='9') => {
                return Err("recursion, conditions or branch resets");
            }
            // A comment.
            ('#', _) => while self.next().is_some_and(|letter| letter != ')') {},
            _ => self.out.push('('),
        }
        Ok(())
    }

    /// A letter that stands for itself; beyond ASCII, for the bytes of its UTF-8 form.
    fn literal(&mut self, letter: char) {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            self.out.push(letter);
        } else {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                self.byte(byte.into());
            }
        }
    }

    fn byte(&mut self, number: u32) {
        let digit = |number: u32| char::from_digit(number & 0xf, 16).unwrap_or('0');
        self.out
            .extend(['\\', 'x', digit(number >> 4), digit(number)]);
    }

    /// Whether what follows a brace makes it a count of repetition: `N}`, `N,}` or `N,M}`.
    fn opens_count(&self) -> bool {
        let rest = self.letters.get(self.place..).unwrap_or_default();
        let Some(end) = rest.iter().position(|letter| *letter == '}') else {
            return false;
        };
        let inside: String = rest.iter().take(end).collect();
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
        !least.is_empty() && digits(least) && digits(most)
    }

    /// Whether the brace that comes next closes a count of repetition.
    fn closes_count(&self) -> bool {
        let front = self
            .out
            .trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == ',');
        front.ends_with('{') && !front.ends_with("\\{") && front.len() < self.out.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex_automata::meta::Regex;
    use regex_automata::util::syntax;

    fn matches(pattern: &str, text: &[u8]) -> bool {
        let translated = translate(pattern, true).unwrap();
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        Regex::builder()
            .syntax(syntax)
            .build(&translated)
            .unwrap()
            .is_match(text)
    }

    #[test]
    fn perl_writes_some_things_otherwise() {
        assert!(matches(r"a{x}\/\:", b"a{x}/:"));
        assert!(matches(r"^a$", b"a\n") && !matches(r"^a$", b"a\nb"));
        assert!(matches(r"[\x0a\]x[]+$", b"[]x"));
        assert!(matches(r"\0\x1\101", b"\0\x01A"));
        assert!(matches(r"\Qa.b\Ec", b"a.bc") && !matches(r"\Qa.b\Ec", b"axbc"));
        assert!(matches(r"\xff.", b"\xff\x80"));
        assert!(matches(r"[[:digit:]a-]{2,3}", b"7-"));
    }

    #[test]
    fn what_takes_more_than_linear_time_is_refused() {
        for pattern in [
            r"(a)\1", "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a+)b", "a++b", "a{2}+", "(?R)",
            r"a\Kb",
        ] {
            assert!(translate(pattern, true).is_err(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_expression_is_translated_or_refused(pattern in "[a-z0-9\\\\\\[\\](){}?*+^$|:,é-]{0,40}") {
            let _ = translate(&pattern, true);
        }
    }
}
