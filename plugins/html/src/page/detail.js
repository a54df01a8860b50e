// What is shown when a row is opened.

function panel(row, detail) {
  const children = [];
  if (row.strip) {
    const label = `Attempts of ${row.id}`;
    children.push(make('div', null, make('h3', null, plural(rows.attempts, 'attempt')),
      ...walkableStrip(row.strip, rows.attempts, label)));
  } else if (row.failed > 0) {
    children.push(make('p', { class: 'told' }, 'The report does not place the failures of this test among the attempts of the run.'));
  }
  if (!detail) {
    children.push(make('p', { class: 'told' }, 'There was no room on this page for more; it is in the JSON report.'));
    return make('div', { class: 'panel' }, ...children);
  }
  if (detail.reason) children.unshift(make('p', null, detail.reason));
  if (detail.ways.length > 0) children.push(ways(row, detail));
  if (detail.commands.length > 0) {
    children.push(make('div', null, ...detail.commands.flatMap(([name, text]) => [make('h3', null, name), command(text)])));
  }
  const facts = detail.place ? [['Stands in', detail.place], ...detail.facts] : detail.facts;
  children.push(make('dl', { class: 'facts' },
    ...facts.map(([name, text]) => make('div', null, make('dt', null, name), make('dd', null, text)))));
  return make('div', { class: 'panel' }, ...children);
}

function ways(row, detail) {
  const first = detail.ways[0];
  const list = detail.ways.map((way, at) => oneWay(row, way, at, at > 0 ? first : null));
  const heading = detail.ways.length === 1 ? 'One way of failing' : `${detail.ways.length} ways of failing`;
  const more = detail.more_ways > 0 ? make('p', { class: 'told' }, `${plural(detail.more_ways, 'way')} more in the JSON report.`) : null;
  return make('div', null, make('h3', null, heading), ...list, more);
}

function oneWay(row, way, at, first) {
  const swatch = make('svg', { viewBox: '0 0 10 10', 'aria-hidden': 'true' }, make('rect', { class: `w${at}`, width: 10, height: 10, rx: 2 }));
  const header = make('header', null, swatch,
    make('span', { class: 'times' }, `Way ${at + 1}: ${way.count} of ${plural(row.failed, 'failure')}`),
    way.kind ? make('code', null, way.kind) : null);
  const box = make('div', { class: 'way' }, header);
  const pieces = first ? diff(first.message, way.message) : null;
  if (pieces && pieces.some(([sign]) => sign !== '=')) {
    box.append(make('p', { class: 'told' }, 'Marked: what differs from way 1.'), showDiff(pieces));
  } else if (way.message) {
    box.append(make('pre', { tabindex: 0 }, way.message));
  }
  if (way.seeds) box.append(make('p', { class: 'told' }, `Seeds: ${way.seeds}`));
  if (way.trace && way.trace !== way.message) {
    box.append(make('details', null, make('summary', null, 'Trace'), make('pre', { tabindex: 0 }, way.trace)));
  }
  return box;
}
