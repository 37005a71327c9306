type Server = {
  readonly url: string;
  readonly port: number;
  readonly version: string;
  readonly stop: () => Promise<void>;
};

export function startRedis(options?: { isDetached?: boolean }): Promise<Server>;
export function redisVersion(url: string): Promise<string>;
export function findRedis(): string;
