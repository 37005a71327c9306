type Server = {
  readonly url: string;
  readonly port: number;
  readonly version: string;
  readonly stop: () => Promise<void>;
};

export function startPostgres(options?: { isDurable?: boolean; isDetached?: boolean }): Promise<Server>;
export function postgresVersion(url: string): Promise<string>;
export function findPostgres(): string;
export function serverAccount(): { uid: number; gid: number } | undefined;
