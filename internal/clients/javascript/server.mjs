// The server under test. CARREL_AGENT is the base of the agent of ../agent, CARREL_TOKEN a
// key of its tenant.
const { CARREL_AGENT, CARREL_TOKEN } = process.env;
export const agent = CARREL_AGENT;
export const base = `${agent}/`; // the SDK resolves the card's path as browsers do: the last segment would be dropped

// keyed puts the key on every call.
export const keyed = {
  async before(args) {
    args.options = { ...args.options, serviceParameters: { ...args.options?.serviceParameters, Authorization: `Bearer ${CARREL_TOKEN}` } };
  },
  async after() {},
};
