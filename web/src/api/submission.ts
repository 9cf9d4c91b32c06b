// Host and ports as people type them, and texts to paste.
import { get } from './client';

export interface Login {
  host: string;
  port: number;
  security: 'tls' | 'starttls' | 'none';
  login: string;
  password: string;
  sender: string;
}

export type Submission = Awaited<ReturnType<typeof read_submission>>;
export const read_submission = () => get('/api/v1/submission');

// Port 587 with STARTTLS is what most programs expect; else what there is.
export function usual_port(submission: Submission): Submission['ports'][number] | undefined {
  const with_login = submission.ports.filter((port) => port.login);
  return with_login.find((port) => port.security === 'starttls') ?? with_login.find((port) => port.security === 'tls') ?? with_login[0];
}

export const tools = ['swaks', 'curl', 'php', 'python', 'node', 'postfix', 'exim'] as const;
export type Tool = (typeof tools)[number];

const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const single = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const double = (text: string) => JSON.stringify(text);

const writers: Record<Tool, (login: Login) => string> = {
  swaks: ({ host, port, security, login, password, sender }) => `swaks --server ${host}:${port} ${security === 'tls' ? '--tls-on-connect' : security === 'starttls' ? '--tls' : ''} \\
  --auth-user ${shell(login)} --auth-password ${shell(password)} \\
  --from ${shell(sender)} --to you@example.org
`,
  curl: ({ host, port, security, login, password, sender }) => `printf 'From: ${sender}\\nTo: you@example.org\\nSubject: Test\\n\\nHello\\n' > mail.txt
curl ${security === 'starttls' ? '--ssl-reqd ' : ''}--url ${shell(`${security === 'tls' ? 'smtps' : 'smtp'}://${host}:${port}`)} \\
  --user ${shell(`${login}:${password}`)} --crlf \\
  --mail-from ${shell(sender)} --mail-rcpt you@example.org --upload-file mail.txt
`,
  php: ({ host, port, security, login, password, sender }) => `<?php
use PHPMailer\\PHPMailer\\PHPMailer;

$mail = new PHPMailer(true);
$mail->isSMTP();
$mail->Host = ${single(host)};
$mail->Port = ${port};
$mail->SMTPSecure = ${security === 'tls' ? 'PHPMailer::ENCRYPTION_SMTPS' : security === 'starttls' ? 'PHPMailer::ENCRYPTION_STARTTLS' : "''"};
$mail->SMTPAuth = true;
$mail->Username = ${single(login)};
$mail->Password = ${single(password)};
$mail->setFrom(${single(sender)});
$mail->addAddress('you@example.org');
$mail->Subject = 'Test';
$mail->Body = 'Hello';
$mail->send();
`,
  python: ({ host, port, security, login, password, sender }) => `import smtplib
from email.message import EmailMessage

message = EmailMessage()
message["From"], message["To"], message["Subject"] = ${double(sender)}, "you@example.org", "Test"
message.set_content("Hello")

with smtplib.${security === 'tls' ? 'SMTP_SSL' : 'SMTP'}(${double(host)}, ${port}) as server:
${security === 'starttls' ? '    server.starttls()\n' : ''}    server.login(${double(login)}, ${double(password)})
    server.send_message(message)
`,
  node: ({ host, port, security, login, password, sender }) => `import nodemailer from 'nodemailer';

const transport = nodemailer.createTransport({
  host: ${single(host)},
  port: ${port},
  secure: ${security === 'tls'},
  requireTLS: ${security === 'starttls'},
  auth: { user: ${single(login)}, pass: ${single(password)} },
});
await transport.sendMail({ from: ${single(sender)}, to: 'you@example.org', subject: 'Test', text: 'Hello' });
`,
  postfix: ({ host, port, security, login, password }) => `# /etc/postfix/main.cf
relayhost = [${host}]:${port}
smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_sasl_password_maps = hash:/etc/postfix/relevo
smtp_tls_security_level = ${security === 'none' ? 'may' : 'encrypt'}
${security === 'tls' ? 'smtp_tls_wrappermode = yes\n' : ''}
# /etc/postfix/relevo (chmod 600; then: postmap /etc/postfix/relevo && postfix reload)
[${host}]:${port} ${login}:${password}
`,
  exim: ({ host, port, security, login, password }) => `# routers
relevo:
  driver = manualroute
  domains = ! +local_domains
  transport = relevo_smtp
  route_list = * ${host}::${port}

# transports
relevo_smtp:
  driver = smtp
  hosts_require_auth = *
${security === 'tls' ? '  protocol = smtps\n' : security === 'starttls' ? '  hosts_require_tls = *\n' : ''}
# authenticators
relevo_login:
  driver = plaintext
  public_name = PLAIN
  client_send = ^${login.replaceAll('^', '^^')}^${password.replaceAll('^', '^^')}
`,
};

export const snippet = (tool: Tool, login: Login): string => writers[tool](login);

// How each kind of sender wants it. `tools`: the texts that help it.
export const kinds = [
  { id: 'application', icon: 'code', tools: ['swaks', 'curl', 'php', 'python', 'node'] },
  { id: 'crm', icon: 'crm', tools: [] },
  { id: 'wordpress', icon: 'web', tools: [] },
  { id: 'desktop', icon: 'phone', tools: [] },
  { id: 'printer', icon: 'printer', tools: [] },
  { id: 'smarthost', icon: 'office', tools: ['postfix', 'exim', 'swaks'] },
] as const;
export type Kind = (typeof kinds)[number];
