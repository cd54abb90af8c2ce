//! Colours as numbers: contrast (WCAG 2.1), difference (CIE76) and the xterm palette.

/// A colour of 24 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rgb {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
}

/// A colour as a terminal is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Colour {
    /// 24 bits.
    Rgb(Rgb),
    /// An index of the xterm palette.
    Indexed(u8),
    /// One of the terminal's own 16: 0 to 7, and 8 to 15 for the bright ones.
    Ansi(u8),
}

impl Rgb {
    /// Reads `#7fb0f2`.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let [_, r, g, b] = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
        Some(Self { r, g, b })
    }

    fn channels(self) -> [f64; 3] {
        [self.r, self.g, self.b].map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// Relative luminance, 0 to 1 (WCAG 2.1).
    pub fn luminance(self) -> f64 {
        let [r, g, b] = self.channels();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// CIE L*a*b* under D65.
    fn lab(self) -> [f64; 3] {
        let [red, green, blue] = self.channels();
        let curve = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
        let x = curve((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.950_47);
        let y = curve(0.2126 * red + 0.7152 * green + 0.0722 * blue);
        let z = curve((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.088_83);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }
}

/// Contrast of two colours, 1 to 21 (WCAG 2.1): 4.5 is the least for text.
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (a.luminance() + 0.05, b.luminance() + 0.05);
    if a > b { a / b } else { b / a }
}

/// Difference of two colours (CIE76 ΔE): 2 is just seen side by side.
pub fn difference(a: Rgb, b: Rgb) -> f64 {
    a.lab().iter().zip(b.lab()).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
const FIRST_16: [u32; 16] = [
    0x00_0000, 0x80_0000, 0x00_8000, 0x80_8000, 0x00_0080, 0x80_0080, 0x00_8080, 0xc0_c0c0, 0x80_8080, 0xff_0000,
    0x00_ff00, 0xff_ff00, 0x00_00ff, 0xff_00ff, 0x00_ffff, 0xff_ffff,
];

/// What xterm shows for an index.
pub fn xterm(index: u8) -> Rgb {
    let step = |n: u8| STEPS.get(usize::from(n % 6)).copied().unwrap_or_default();
    match index {
        0..=15 => {
            let [_, r, g, b] = FIRST_16.get(usize::from(index)).copied().unwrap_or_default().to_be_bytes();
            Rgb { r, g, b }
        }
        16..=231 => Rgb { r: step((index - 16) / 36), g: step((index - 16) / 6), b: step(index - 16) },
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            Rgb { r: grey, g: grey, b: grey }
        }
    }
}

/// The index whose colour is nearest, of those that palettes do not change.
pub fn nearest256(rgb: Rgb) -> u8 {
    (16..=255).min_by(|a, b| difference(rgb, xterm(*a)).total_cmp(&difference(rgb, xterm(*b)))).unwrap_or(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_found() {
        assert_eq!(Rgb::parse("#7fb0f2"), Some(Rgb { r: 0x7f, g: 0xb0, b: 0xf2 }));
        for text in ["7fb0f2", "#7fb0f", "#7fb0fg", "", "#ñandú"] {
            assert_eq!(Rgb::parse(text), None, "{text}");
        }
        assert_eq!(xterm(16), Rgb { r: 0, g: 0, b: 0 });
        assert_eq!(xterm(203), Rgb { r: 255, g: 95, b: 95 });
        assert_eq!(xterm(255), Rgb { r: 238, g: 238, b: 238 });
        for index in 16..=255 {
            assert!(difference(xterm(nearest256(xterm(index))), xterm(index)) < 0.001);
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let (black, white) = (Rgb::default(), Rgb { r: 255, g: 255, b: 255 });
        assert!((contrast(black, white) - 21.0).abs() < 0.001);
        assert!((contrast(white, white) - 1.0).abs() < 0.001);
        assert!((difference(black, white) - 100.0).abs() < 0.1);
    }
}
