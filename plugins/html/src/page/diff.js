// What differs between two messages, word by word.

/** Longer texts are not compared: the table below grows with the product of both. */
const MOST_WORDS = 400;

const words = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];

/** Pieces as ['=' | '-' | '+', text]; null where the two have too little in common to be compared. */
function diff(before, after) {
  const a = words(before);
  const b = words(after);
  if (a.length > MOST_WORDS || b.length > MOST_WORDS || a.length === 0 || b.length === 0) return null;
  const width = b.length + 1;
  // Longest common subsequence, from the ends.
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      table[i * width + j] = a[i] === b[j]
        ? table[(i + 1) * width + j + 1] + 1
        : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    }
  }
  if (table[0] * 2 < Math.min(a.length, b.length)) return null;
  const pieces = [];
  const add = (sign, text) => {
    const last = pieces[pieces.length - 1];
    if (last && last[0] === sign) last[1] += text;
    else pieces.push([sign, text]);
  };
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) { add('=', a[i]); i += 1; j += 1; }
    else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) { add('-', a[i]); i += 1; }
    else { add('+', b[j]); j += 1; }
  }
  for (; i < a.length; i += 1) add('-', a[i]);
  for (; j < b.length; j += 1) add('+', b[j]);
  return pieces;
}

function showDiff(pieces) {
  const names = { '-': 'del', '+': 'ins' };
  return make('pre', { tabindex: 0, 'aria-label': 'What differs from way 1' },
    ...pieces.map(([sign, text]) => (sign === '=' ? text : make(names[sign], null, text))));
}
