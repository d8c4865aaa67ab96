import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { pieces, visible, visibleJson, visibleLines } from '../../../domain/cards/visible.ts';

describe('foreign text', () => {
  it.each([
    ['an ANSI colour', '\u001b[32mok\u001b[0m', '<U+001B>[32mok<U+001B>[0m'],
    ['a C1 control sequence', '\u009b2J', '<U+009B>2J'],
    ['a carriage return that overwrites the line', 'DROP\rSELECT', 'DROP<U+000D>SELECT'],
    ['a line break', 'a\nb', 'a<U+000A>b'],
    ['a backspace', 'a\bb', 'a<U+0008>b'],
    ['a right-to-left override', 'a\u202Etxt.exe', 'a<U+202E>txt.exe'],
    ['a bidirectional isolate', '\u2066x\u2069', '<U+2066>x<U+2069>'],
    ['a zero-width space', 'ad\u200Bmin', 'ad<U+200B>min'],
    ['a tag character', 'a\u{E0041}', 'a<U+E0041>'],
    ['a variation selector', 'a\uFE0F', 'a<U+FE0F>'],
    ['a blank letter', 'a\u3164b', 'a<U+3164>b'],
    ['a blank of Braille', 'a\u2800b', 'a<U+2800>b'],
    ['a blank half-width letter', 'a\uFFA0b', 'a<U+FFA0>b'],
    ['a blank note', 'a\u{1D159}b', 'a<U+1D159>b'],
    ['a blank of hieroglyphs', 'a\u{13441}b', 'a<U+13441>b'],
    ['a filler of Khitan', 'a\u{16FE4}b', 'a<U+16FE4>b'],
    ['an object that is missing', 'a\uFFFCb', 'a<U+FFFC>b'],
    ['a no-break space', 'a\u00A0b', 'a<U+00A0>b'],
    ['a line separator', 'a\u2028b', 'a<U+2028>b'],
    ['a lone surrogate', 'a\uD800b', 'a<U+D800>b'],
    ['a private character', 'a\uE000b', 'a<U+E000>b'],
    ['marks that pile up', `a${'\u0301'.repeat(5)}`, `a${'\u0301'.repeat(3)}<U+0301><U+0301>`],
  ])('shows %s', (_what, text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it('leaves ordinary text of any script as it is', () => {
    const text = "Żółć, κόσμε, 世界, עולם, ok 'quotes' <tags> 100 % 🙂";
    expect(visible(text)).toBe(text);
  });

  it('never writes anything that a terminal obeys or hides, and never cuts', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const shown = visible(text);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u);
        const unmarked = shown.replaceAll(/<mixes [a-zA-Z ]+>/g, '');
        expect(Array.from(unmarked.replaceAll(/<U\+[0-9A-F]+>/g, '?')).length).toBe(
          Array.from(text.replaceAll(/<U\+[0-9A-F]+>/g, '?')).length,
        );
      }),
    );
  });

  it('marks every line of longer text', () => {
    expect(visibleLines('one\ntwo\r\n\u001b[2K', '  | ')).toEqual([
      '  | one',
      '  | two<U+000D>',
      '  | <U+001B>[2K',
    ]);
  });

  it('tells the word null from null', () => {
    expect([visibleJson('null'), visibleJson(null), visibleJson('\u202E')]).toEqual([
      '"null"',
      'null',
      '"<U+202E>"',
    ]);
  });
});

describe('words of mixed scripts', () => {
  it.each([
    ['Cyrillic in a Latin word', 'p\u0430ypal', 'p\u0430ypal<mixes Latin and Cyrillic>'],
    ['Greek in a Latin word', 'drop acc\u03BFunts', 'drop acc\u03BFunts<mixes Latin and Greek>'],
    ['Cherokee in a Latin word', '\u13A0ebit', '\u13A0ebit<mixes Latin and Cherokee>'],
    ['a script without a name here', 'a\u0E01', 'a\u0E01<mixes Latin and another script>'],
    ['one word of several', 'user \u0430dmin ok', 'user \u0430dmin<mixes Latin and Cyrillic> ok'],
  ])('are marked: %s', (_what, text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it.each([
    '皆さんのTシャツ',
    '한국어漢字',
    'ㄅ漢',
    'κόσμε',
    'привет мир',
    '10µm',
    'naïve',
    'กขค',
    'user_42',
    'Москва-Paris',
  ])('are not what a language writes together: %s', (text) => {
    expect(visible(text)).toBe(text);
  });

  it('stand apart from the rest for pages that mark them in another way', () => {
    expect(pieces('to p\u0430y\u202E now')).toEqual([
      { kind: 'plain', text: 'to ' },
      { kind: 'mixed', text: 'p\u0430y', scripts: ['Latin', 'Cyrillic'] },
      { kind: 'hidden', text: '<U+202E>' },
      { kind: 'plain', text: ' now' },
    ]);
    expect(pieces('')).toEqual([]);
  });
});
