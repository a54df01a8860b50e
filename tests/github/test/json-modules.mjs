// A hook of Node's: what ends in `.json` is JSON, also where an import does not say so.
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  return specifier.endsWith('.json') ? { ...resolved, importAttributes: { type: 'json' } } : resolved;
}
