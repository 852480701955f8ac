//! Writes SVG: elements, numbers, escaped text, and how wide text is likely to be.

use std::fmt::Write;

/// How large a picture is. Its unit is its own: the page stretches it, and letters with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// It has a row of the page to itself.
    Full,
    /// Two share a row.
    Half,
}

impl Size {
    pub(super) const fn width(self) -> f64 {
        match self {
            Self::Full => 720.0,
            Self::Half => 400.0,
        }
    }

    /// The height of what is inside the axes.
    pub(super) const fn plot_height(self) -> f64 {
        match self {
            Self::Full => 220.0,
            Self::Half => 150.0,
        }
    }
}

/// The height of letters.
pub(super) const FONT_SIZE: f64 = 12.0;

/// The mean width of a character of a sans-serif font, as a part of its height; rather too much.
const CHARACTER_WIDTH: f64 = 0.58;

/// Where text is held.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture that is being drawn.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    body: String,
    size: Size,
    height: f64,
}

impl Drawing {
    pub(super) const fn new(size: Size, height: f64) -> Self {
        Self {
            body: String::new(),
            size,
            height,
        }
    }

    /// The whole element, with its name and description for those who do not see it.
    pub(super) fn finish(self, title: &str, description: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {} {}\">\n\
             <title>{}</title>\n<desc>{}</desc>\n{}</svg>\n",
            self.size.width(),
            self.height,
            escape(title),
            escape(description),
            self.body,
        )
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1,
        ));
    }

    pub(super) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut text = String::with_capacity(points.len() * 12);
        for (x, y) in points {
            write!(text, "{x:.1},{y:.1} ").expect("a string takes everything");
        }
        let text = text.trim_end();
        self.push(format_args!(
            "<polyline class=\"{class}\" points=\"{text}\"/>"
        ));
    }

    /// A filled rectangle, which says what it is when pointed at.
    pub(super) fn bar(&mut self, class: &str, corner: (f64, f64), size: (f64, f64), hint: &str) {
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
             rx=\"2\"><title>{}</title></rect>",
            corner.0,
            corner.1,
            size.0,
            size.1,
            escape(hint),
        ));
    }

    /// A place behind the data, which says what it is when pointed at.
    pub(super) fn span(&mut self, corner: (f64, f64), size: (f64, f64), hint: &str) {
        self.push(format_args!(
            "<rect class=\"span\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\">\
             <title>{}</title></rect>",
            corner.0,
            corner.1,
            size.0,
            size.1,
            escape(hint),
        ));
    }

    /// A dot, which says what it is when pointed at.
    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64), hint: &str) {
        self.push(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"><title>{}</title>\
             </circle>",
            escape(hint),
        ));
    }

    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escape(text),
        ));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("a string takes everything");
    }
}

/// How wide a text is likely to be.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * FONT_SIZE * CHARACTER_WIDTH
}

/// The text, or as much of it as is likely to fit and a sign that there was more.
pub(super) fn elide(text: &str, width: f64) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let fitting = (width / (FONT_SIZE * CHARACTER_WIDTH)) as usize;
    let kept = text.chars().take(fitting.saturating_sub(1));
    kept.chain(['…']).collect()
}

/// Text for elements and attributes of HTML and XML. What XML 1.0 section 2.2 does not allow at all
/// becomes U+FFFD: names come from servers.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\0'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}
