// Pages of a list, and the header that leads from one to the next.

// https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api: 30 unless asked, 100 at most.
const USUAL = 30;
const MOST = 100;

function whole(text, fallback) {
  const number = Number.parseInt(text, 10);
  return Number.isNaN(number) || number < 1 ? fallback : number;
}

/** The page that a request asks for, with its `link` header where there are others. */
export function page(list, context) {
  const size = Math.min(whole(context.query.per_page, USUAL), MOST);
  const last = Math.max(1, Math.ceil(list.length / size));
  const at = whole(context.query.page, 1);
  const items = list.slice((at - 1) * size, at * size);
  const relations = [];
  if (at > 1) relations.push(['prev', at - 1]);
  if (at < last) relations.push(['next', at + 1], ['last', last]);
  if (at > 1) relations.push(['first', 1]);
  const links = relations.map(([relation, number]) => `<${address(context, number)}>; rel="${relation}"`);
  return { items, headers: links.length > 0 ? { link: links.join(', ') } : {} };
}

/** GitHub's links name the repository by its number, not by its name. */
function address({ base, path, query, repository }, number) {
  const numbered = repository ? path.replace(/^\/repos\/[^/]+\/[^/]+/, `/repositories/${repository.id}`) : path;
  const asked = new URLSearchParams(Object.entries(query).flatMap(([k, v]) => [v].flat().map((one) => [k, one])));
  asked.set('page', String(number));
  return `${base}${numbered}?${asked}`;
}
