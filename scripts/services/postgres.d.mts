type Server = {
  readonly url: string;
  readonly port: number;
  readonly version: string;
  readonly stop: () => Promise<void>;
};

export function startPostgres(options?: { isDurable?: boolean }): Promise<Server>;
export function postgresVersion(url: string): Promise<string>;
