// What the deployed policies allow, by a simulator of IAM: calls that the bot and the recorder make as they make them, and
// calls one step beside each. Owns the table of calls; knows nothing of Terraform but its state.
// Used as: node simulate.mjs STATE.json, below a folder whose node_modules hold the simulator.
import { readFileSync } from "node:fs";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const BOT = "111122223333";
const MEMBER = "111122223333";
const REGION = "us-east-1";
const ELSEWHERE = "ap-south-1";

const state = JSON.parse(readFileSync(process.argv[2], "utf8"));
const found = new Map();
const walk = (module) => {
  for (const resource of module.resources ?? []) found.set(resource.address, resource.values);
  for (const child of module.child_modules ?? []) walk(child);
};
walk(state.values.root_module);

const POLICIES = {
  task: "module.bot.aws_iam_role_policy.task",
  investigator: "module.account_production.aws_iam_role_policy.investigator",
  actions: "module.account_production.aws_iam_role_policy.actions[0]",
  instance: "module.recorder_production.aws_iam_policy.instance",
};
const policy = (who) => {
  const values = found.get(POLICIES[who]);
  if (!values) throw new Error(`no ${POLICIES[who]} in the state`);
  return { name: who, policy: JSON.parse(values.policy) };
};
const trust = JSON.parse(found.get("module.account_production.aws_iam_role.investigator").assume_role_policy);

const ec2 = (kind, region = REGION, account = MEMBER) => `arn:aws:ec2:${region}:${account}:${kind}`;
const document = (name, region = REGION) => `arn:aws:ssm:${region}:${MEMBER}:document/${name}`;
const table = `arn:aws:dynamodb:${REGION}:${BOT}:table/gumshoe-cases`;
const queue = (name) => `arn:aws:sqs:${REGION}:${BOT}:${name}`;
const inRegion = (region = REGION) => ({ "aws:RequestedRegion": region });
const tagged = (value) => ({ "ssm:resourceTag/gumshoe-recorder": value });

// Who, action, resource, context, whether it is allowed.
const CALLS = [
  // The bot's own account.
  ["task", "sqs:ReceiveMessage", queue("gumshoe-notices"), {}, true],
  ["task", "sqs:DeleteMessage", queue("gumshoe-notices"), {}, true],
  ["task", "sqs:ChangeMessageVisibility", queue("gumshoe-notices"), {}, true],
  ["task", "sqs:DeleteMessage", queue("someone-elses"), {}, false],
  ["task", "sqs:SendMessage", queue("gumshoe-notices"), {}, false],
  ["task", "sqs:PurgeQueue", queue("gumshoe-notices"), {}, false],
  ["task", "dynamodb:PutItem", table, {}, true],
  ["task", "dynamodb:Query", `${table}/index/cases_by_opened`, {}, true],
  ["task", "dynamodb:DeleteItem", table, {}, false],
  ["task", "dynamodb:GetItem", `${table}-of-others`, {}, false],
  ["task", "s3:GetObject", "arn:aws:s3:::gumshoe-mails-111122223333-us-east-1/mail/m1", {}, true],
  ["task", "s3:GetObject", "arn:aws:s3:::gumshoe-archive-111122223333-us-east-1/archive/a/b", {}, true],
  ["task", "s3:GetObject", "arn:aws:s3:::payroll/2026.csv", {}, false],
  ["task", "s3:DeleteObject", "arn:aws:s3:::gumshoe-archive-111122223333-us-east-1/archive/a/b", {}, false],
  ["task", "s3:ListBucket", "arn:aws:s3:::gumshoe-archive-111122223333-us-east-1", { "s3:prefix": "archive/1" }, true],
  ["task", "s3:ListBucket", "arn:aws:s3:::gumshoe-archive-111122223333-us-east-1", { "s3:prefix": "other/" }, false],
  ["task", "sts:AssumeRole", "arn:aws:iam::444455556666:role/gumshoe-investigator", {}, true],
  ["task", "sts:AssumeRole", "arn:aws:iam::444455556666:role/admin", {}, false],
  ["task", "sts:AssumeRole", "arn:aws:iam::999900001111:role/gumshoe-investigator", {}, false],
  ["task", "ec2:TerminateInstances", ec2("instance/i-0123456789abcdef0"), inRegion(), false],
  ["task", "ssm:SendCommand", document("AWS-RunShellScript"), {}, false],
  // A member account: it looks, and runs one document on hosts with the tag.
  ["investigator", "ec2:DescribeInstances", "*", inRegion(), true],
  ["investigator", "ec2:DescribeNetworkInterfaces", "*", inRegion(), true],
  ["investigator", "cloudtrail:LookupEvents", "*", inRegion(), true],
  ["investigator", "ec2:DescribeInstances", "*", inRegion(ELSEWHERE), false],
  ["investigator", "ssm:SendCommand", document("Gumshoe-Query"), {}, true],
  ["investigator", "ssm:SendCommand", document("AWS-RunShellScript"), {}, false],
  ["investigator", "ssm:SendCommand", document("Gumshoe-Stop"), {}, false],
  ["investigator", "ssm:SendCommand", document("Gumshoe-Query", ELSEWHERE), {}, false],
  ["investigator", "ssm:SendCommand", ec2("instance/i-0123456789abcdef0"), tagged("enabled"), true],
  ["investigator", "ssm:SendCommand", ec2("instance/i-0123456789abcdef0"), tagged("disabled"), false],
  ["investigator", "ssm:SendCommand", ec2("instance/i-0123456789abcdef0"), {}, false],
  ["investigator", "ssm:GetCommandInvocation", "*", inRegion(), true],
  ["investigator", "ssm:StartSession", ec2("instance/i-0123456789abcdef0"), tagged("enabled"), false],
  ["investigator", "ec2:StopInstances", ec2("instance/i-0123456789abcdef0"), inRegion(), false],
  ["investigator", "ec2:ModifyNetworkInterfaceAttribute", ec2("network-interface/eni-0123456789abcdef0"), {}, false],
  ["investigator", "iam:PassRole", `arn:aws:iam::${MEMBER}:role/admin`, {}, false],
  // What changes something, where it was asked for.
  ["actions", "ec2:ModifyNetworkInterfaceAttribute", ec2("network-interface/eni-0123456789abcdef0"), {}, true],
  ["actions", "ec2:ModifyNetworkInterfaceAttribute", ec2("network-interface/eni-0123456789abcdef0", ELSEWHERE), {}, false],
  ["actions", "ec2:CreateSnapshots", ec2("instance/i-0123456789abcdef0"), {}, true],
  ["actions", "ec2:CreateTags", `arn:aws:ec2:${REGION}::snapshot/snap-0123456789abcdef0`, { "ec2:CreateAction": "CreateSnapshots" }, true],
  ["actions", "ec2:CreateTags", `arn:aws:ec2:${REGION}::snapshot/snap-0123456789abcdef0`, {}, false],
  ["actions", "ec2:CreateTags", ec2("instance/i-0123456789abcdef0"), { "ec2:CreateAction": "CreateSnapshots" }, false],
  ["actions", "ec2:DeleteSnapshot", `arn:aws:ec2:${REGION}::snapshot/snap-0123456789abcdef0`, {}, false],
  ["actions", "ec2:TerminateInstances", ec2("instance/i-0123456789abcdef0"), {}, false],
  ["actions", "ssm:SendCommand", document("Gumshoe-Stop"), {}, true],
  ["actions", "ssm:SendCommand", document("AWS-RunShellScript"), {}, false],
  // An instance writes its own segments and takes nothing away.
  ["instance", "s3:DeleteObject", "arn:aws:s3:::gumshoe-archive-111122223333-us-east-1/archive/1", {}, false],
  ["instance", "s3:GetObject", "arn:aws:s3:::payroll/2026.csv", {}, false],
  ["instance", "ssm:SendCommand", document("Gumshoe-Query"), {}, false],
];

const simulate = async (principal, policies, action, resource, context, resourcePolicy) => {
  const account = resource.split(":")[4] || MEMBER;
  const response = await runSimulation(
    {
      identityPolicies: policies,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy,
      request: { action, principal, resource: { resource, accountId: account }, contextVariables: context },
    },
    {},
  );
  if (response.resultType === "error") throw new Error(`${action} on ${resource}: ${JSON.stringify(response.errors)}`);
  return response.overallResult === "Allowed";
};

const wrong = [];
for (const [who, action, resource, context, allowed] of CALLS) {
  const account = who === "task" ? BOT : MEMBER;
  const principal = `arn:aws:iam::${account}:role/gumshoe-${who}`;
  const got = await simulate(principal, [policy(who)], action, resource, context);
  // The other account's role says itself who may be it; here only the bot's own side is asked.
  const crosses = action === "sts:AssumeRole" && resource.split(":")[4] !== BOT;
  const meant = crosses && allowed ? await crossing(principal, resource) : got;
  if (meant !== allowed) wrong.push(`${who} may ${got ? "" : "not "}${action} on ${resource} with ${JSON.stringify(context)}`);
}

async function crossing(principal, resource) {
  const open = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { AWS: principal }, Action: "sts:AssumeRole" }] };
  return simulate(principal, [policy("task")], "sts:AssumeRole", resource, {}, open);
}

// The role is for the bot's role, and only with the word that was agreed on.
const role = `arn:aws:iam::${MEMBER}:role/gumshoe-investigator`;
const word = trust.Statement[0].Condition.StringEquals["sts:ExternalId"];
const anybody = { name: "all", policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" }] } };
for (const [principal, context, allowed] of [
  [`arn:aws:iam::${BOT}:role/gumshoe-bot`, { "sts:ExternalId": word }, true],
  [`arn:aws:iam::${BOT}:role/gumshoe-bot`, { "sts:ExternalId": "another" }, false],
  [`arn:aws:iam::${BOT}:role/gumshoe-bot`, {}, false],
  ["arn:aws:iam::999900001111:role/gumshoe-bot", { "sts:ExternalId": word }, false],
]) {
  const got = await simulate(principal, [anybody], "sts:AssumeRole", role, context, trust);
  if (got !== allowed) wrong.push(`${principal} may ${got ? "" : "not "}be ${role} with ${JSON.stringify(context)}`);
}

if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
console.log(`${CALLS.length + 4} calls`);
