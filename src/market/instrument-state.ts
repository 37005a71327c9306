// Placeholder of the contract; the real decide/evolve stands here soon.
export type InstrumentSnapshot = { readonly position: number };
