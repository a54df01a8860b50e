// Who one is, and how often one may still ask.

export const users = {
  'users/get-authenticated': ({ shapes, who }) => ({ status: 200, body: shapes.privateUser(who.login) }),
  'rate-limit/get': ({ shapes }) => ({ status: 200, body: shapes.rateLimit() }),
};
