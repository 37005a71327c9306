/** `tampines completion`: scripts that let a shell complete commands, options and their choices. They are made from the commands themselves. */
import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

type CommandWords = {
  readonly name: string;
  readonly description: string;
  readonly options: readonly Option[];
  /** Choices of the arguments in their order; empty where an argument may be anything. */
  readonly choices: readonly (readonly string[])[];
};

export function completionScript(program: Command, shell: Shell): string {
  const commands = program.commands.map((command): CommandWords => ({
    name: command.name(),
    description: command.description(),
    options: command.options,
    choices: command.registeredArguments.map(({ argChoices }) => argChoices ?? []),
  }));
  if (shell === 'bash') return bashScript(commands);
  return shell === 'zsh' ? zshScript(commands) : fishScript(commands);
}

function bashScript(commands: readonly CommandWords[]): string {
  const cases = commands.map(({ name, options, choices }) => {
    const values = options
      .filter(({ argChoices }) => argChoices !== undefined)
      .map(
        (option) =>
          `        ${option.long}) COMPREPLY=($(compgen -W ${quote(option.argChoices!.join(' '))} -- "$word")); return;;`,
      );
    const words = [...options.map(({ long }) => long), '--help', ...choices.flat()].join(' ');
    return [
      `    ${name})`,
      ...(values.length === 0 ? [] : ['      case "$before" in', ...values, '      esac']),
      `      words=${quote(words)};;`,
    ].join('\n');
  });
  return `# bash completion of tampines: source <(tampines completion bash)
_tampines() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=${quote(commands.map(({ name }) => name).join(' '))}
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) return;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _tampines tampines
`;
}

function zshScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name, description }) => `    ${quote(`${name}:${oneLine(description)}`)}`);
  const cases = commands.map(({ name, options, choices }) => {
    const specs = options.map((option) => {
      const value =
        option.required || option.optional
          ? `:value:${(option.argChoices ?? []).length > 0 ? `(${option.argChoices!.join(' ')})` : '_files'}`
          : '';
      return `      ${quote(`${option.long}[${oneLine(option.description).replaceAll(/[[\]:]/g, ' ')}]${value}`)}`;
    });
    const places = choices.map((words, index) =>
      quote(`${index + 1}:argument:${words.length > 0 ? `(${words.join(' ')})` : '_files'}`),
    );
    return `    ${name}) _arguments \\\n${[...specs, ...places.map((place) => `      ${place}`)].join(' \\\n')} ;;`;
  });
  return `#compdef tampines
# zsh completion of tampines: source <(tampines completion zsh), after compinit
_tampines() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
compdef _tampines tampines
`;
}

function fishScript(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ name, description, options, choices }) => [
    `complete -c tampines -n __fish_use_subcommand -f -a ${name} -d ${quote(oneLine(description))}`,
    ...options.map((option) => {
      const isValue = option.required || option.optional;
      const value = isValue
        ? option.argChoices === undefined
          ? ' -r'
          : ` -x -a ${quote(option.argChoices.join(' '))}`
        : '';
      return `complete -c tampines -n '__fish_seen_subcommand_from ${name}' -l ${option.long!.slice(2)}${value} -d ${quote(oneLine(option.description))}`;
    }),
    ...choices
      .filter((words) => words.length > 0)
      .map(
        (words) =>
          `complete -c tampines -n '__fish_seen_subcommand_from ${name}' -f -a ${quote(words.join(' '))}`,
      ),
  ]);
  return `# fish completion of tampines: tampines completion fish | source\n${lines.join('\n')}\n`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

/** All three shells take text in single quotes as it is; a quote in it ends them, stands escaped, and begins them again. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
