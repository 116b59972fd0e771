import { Argument, type Command } from 'commander';

/** What can follow a command on the command line. */
interface Place {
  /** The command as `/org/create`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly Word[];
  readonly options: readonly OptionWord[];
}

interface Word {
  readonly word: string;
  readonly description: string;
}

interface OptionWord extends Word {
  /** What may follow it: empty for any value, undefined for an option without a value. */
  readonly values: readonly string[] | undefined;
}

/** The scripts are static, since a program that starts for each press of the Tab key would be slow. */
const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export function addCompletionCommand(program: Command): void {
  const shell = new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS));
  program
    .command('completion')
    .description('print a script that completes this command line in a shell')
    .addArgument(shell)
    .addHelpText(
      'after',
      '\nIn ~/.bashrc or ~/.zshrc: eval "$(issue-links completion bash)", or zsh.\nIn fish: issue-links completion fish | source',
    )
    .action((name: keyof typeof SCRIPTS) => {
      process.stdout.write(SCRIPTS[name](placesOf(program)));
    });
}

function placesOf(command: Command, path = ''): Place[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter((each) => each.name() !== 'help');
  const names = commands.map((each) => ({ word: each.name(), description: each.description() }));
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const options = help.visibleOptions(command).map(({ long, description, required, argChoices }) => ({
    word: long ?? '',
    description,
    values: required ? (argChoices ?? []) : undefined,
  }));
  const words = [...names, ...choices.map((word) => ({ word, description: '' }))];
  return [{ path, words, options }, ...commands.flatMap((each) => placesOf(each, `${path}/${each.name()}`))];
}

function pathsOf(places: readonly Place[]): string[] {
  return places.map(({ path }) => path).filter((path) => path !== '');
}

/** The arms of a `case` of the path and the word before the cursor, which set the array `choices`. */
function armsOf(places: readonly Place[], list: (words: readonly Word[]) => string): string {
  const arms = places.flatMap(({ path, words, options }) => [
    ...options.flatMap(({ word, values }) =>
      values === undefined
        ? []
        : [`    '${path} ${word}') choices=(${list(values.map((value) => ({ word: value, description: '' })))}) ;;`],
    ),
    `    '${path} '*) choices=(${list([...words, ...options])}) ;;`,
  ]);
  return arms.join('\n');
}

function bashScript(places: readonly Place[]): string {
  return `_issue_links() {
  local path='' word choices=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path/$word" in ${pathsOf(places).join('|')}) path="$path/$word" ;; esac
  done
  case "$path \${COMP_WORDS[COMP_CWORD-1]}" in
${armsOf(places, (words) => words.map(({ word }) => word).join(' '))}
  esac
  COMPREPLY=($(compgen -W "\${choices[*]}" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _issue_links issue-links
`;
}

function zshScript(places: readonly Place[]): string {
  const described = ({ word, description }: Word) => quoted(description === '' ? word : `${word}:${description}`);
  return `_issue_links() {
  local location='' word
  local -a choices
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$location/$word" in ${pathsOf(places).join('|')}) location="$location/$word" ;; esac
  done
  case "$location \${words[CURRENT-1]}" in
${armsOf(places, (words) => words.map(described).join(' '))}
  esac
  if (( $#choices )); then _describe issue-links choices; else _files; fi
}
compdef _issue_links issue-links
`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, options }) => {
    const complete = `complete -c issue-links -n "__issue_links_at '${path}'"`;
    return [
      ...words.map(({ word, description }) => `${complete} -f -a ${word} -d ${quoted(description)}`),
      ...options.map(({ word, description, values }) => {
        const value = values === undefined ? '' : values.length === 0 ? ' -r' : ` -x -a '${values.join(' ')}'`;
        return `${complete} -l ${word.replace('--', '')}${value} -d ${quoted(description)}`;
      }),
    ];
  });
  return `function __issue_links_at
    set -l location ''
    for word in (commandline -opc)
        switch "$location/$word"
            case ${pathsOf(places).join(' ')}
                set location "$location/$word"
        end
    end
    test "$location" = "$argv[1]"
end
${lines.join('\n')}
`;
}

/** Quotes a string so that each of the shells reads it as one word. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
