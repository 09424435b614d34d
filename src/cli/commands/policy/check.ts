import { type Command, defineCommand } from "../../command.ts";
import { flag, variadic } from "../../option.ts";
import { openPolicyFile, readPolicy } from "../../policy-file.ts";

export const command: Command = defineCommand({
  about:
    "Reads policies as verify, copy and promote do and says what is wrong with them, with the line: unknown keys, identities that nobody is, expressions that cannot be, exceptions without an end. The keys and roots that they name have to be there.",
  arguments: { files: variadic("FILE", "a policy (YAML); - for standard input") },
  options: { keys: flag("--no-keys", "do not open the keys and roots that the policy names") },
  examples: [
    { about: "Check a policy before it is used", line: "berth policy check policy.yaml" },
    { about: "List the rules of a policy", line: "berth policy check policy.yaml --format '[0].rules'" },
  ],
  async run({ files }, { keys }, context) {
    const checked: { readonly file: string; readonly digest: string; readonly rules: readonly object[] }[] = [];
    for (const file of files) {
      const policy = keys ? (await openPolicyFile(file, context)).policy : await readPolicy(file, context);
      checked.push({
        file,
        digest: policy.digest,
        rules: policy.rules.map(({ name, line, allow, require }) => ({
          name,
          line,
          require: allow ? [] : require.map(({ kind }) => kind),
        })),
      });
    }
    context.out.result(checked, () =>
      checked.map(({ file, digest, rules }) => `${file} is a policy of ${rules.length} rules, ${digest}`),
    );
  },
});
