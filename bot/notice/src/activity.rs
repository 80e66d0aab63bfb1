//! What a notice says was done, from its words.
//!
//! Words are weighed by where they stand: a field that names the activity counts most, then the
//! subject, then the sentences that state rather than advise.

use std::sync::LazyLock;

use regex::Regex;
use regex::RegexSet;

use super::document::SectionRole;
use super::label;
use super::label::Kind;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::pattern::compile_set;
use super::pattern::fold;
use crate::claim::Activity;

/// Patterns, most telling first within an activity; each with its activity and weight.
const PATTERNS: &[(&str, Activity, f32)] = &[
    (
        r"port[\s_-]*(?:scan|sweep|prob)|address[\s_]scan|net[\s_-]?scan|(?:host|network|address|syn|udp|tcp|horizontal|vertical)[\s_-]*(?:scan|sweep)|masscan|\bzmap\b|\bnmap\b",
        Activity::PortScan,
        3.0,
    ),
    (
        r"\bscann?(?:s|ed|ing|er|ers)?\b|\bprob(?:es|ed|ing)\b|reconnaissance|unsolicited (?:connection|traffic)|connection attempts?\b|\bscans? (?:our|of)|\brecon\b|\bswept\b|\bsweep(?:s|ing)?\b",
        Activity::PortScan,
        1.5,
    ),
    (
        r"brute[\s_-]*forc|password[\s_-]*(?:guess|attack|spray)|login[\s_-]*(?:attack|attempt)|log[\s-]?in attempt|failed[\s_-]*(?:login|password|auth)|(?:attack|hammer)(?:s|ed|ing)?\b.{0,40}\b(?:ssh|rdp|imap|pop3|ftp|vnc)\b|tr(?:y|ied|ies|ying) to authenticate|attempt\w*\s+(?:\w+\s+){0,2}log[\s-]?ins?\b|default (?:passwords?|credentials|log-?ins?)|failed log-?ons?\b|access denied for user|invalid[\s_-]?password|bad password|auth(?:entication)? failures?|\b(?:ssh|password|credential)[\s_-]*spray\w*|unknown user ?name|wordpress[\s_-]*log-?in|(?:ssh|rdp|ftp|imap|smtp|sip|telnet|vnc|sql)[\s_-]*(?:login|brute|bruteforce|attack|attempt)|dictionary attack|smtp[\s_-]*auth\w*[\s_-]*(?:attack|abuse|brute|attempt|failure)|authenticator failed|incorrect authentication|wrong password|registration attack|locked out|lock-?out|log(?:in|on)[\s_-]*failure|failed log[\s-]?[io]n|unauthori[sz]ed log[\s-]?in|password attempt|stolen (?:passwords?|credentials)|account takeover|passwords?\b.{0,30}\bssh|tr(?:ied|ies|ying)\b.{0,40}\bpasswords?|login fail|ssh brute|tr(?:y|ied|ying) to log[ -]?(?:in|on|into)|inlogpoging|login-attack|\buser_auth\b|op=pam|(?:in te |\b)loggen op|inloggen|logge (?:ind|inn)|logga in|kirjautu|jelszo|credential[\s_-]*(?:stuff|attack)|\bpwauth|sshpw|[-_/]bf\b",
        Activity::LoginAttack,
        3.0,
    ),
    (
        r"authentication failure|auth(?:entication)? failed|wp-login|xmlrpc\.php|inicio de sesion|anzumelden|erraten\w* passwor|mot de passe|contrasena|\bsenhas?\b|\bhaslo|\bhasel\b|wachtwoord|invalid user|fail2ban|denyhosts|hosts\.deny|unauthorized login|log ?on failure|sipquery|sip[\s_-]*regist|\bssh\b.{0,30}attack",
        Activity::LoginAttack,
        1.5,
    ),
    // An entry of a log about a log-in that failed, whatever program wrote it.
    (
        r"\b(?:fail(?:ed|s)?|unable|denied|rejected|unsuccessful)\b[^.;]{0,20}\b(?:log(?:ged|ging)?[\s-]?(?:in|on)|sign(?:ed)?[\s-]?in|authenticat\w*)\b|\b(?:log-?[io]n|sign-?in|auth|authentication|authori[sz]ation)\b[^.;]{0,20}\b(?:fail\w*|denied|rejected|unsuccessful)\b|\binvalid (?:authentication|credentials|login)\b",
        Activity::LoginAttack,
        2.0,
    ),
    (
        r"\bexploit|sql[\s_-]*injection|web[\s_-]*(?:application[\s_-]*)?attack|code[\s_-]*injection|path traversal|vulnerability[\s_-]*scan|shellshock|log4(?:j|shell)|jndi:|\bxss\b|\bwaf\b|badbot|remote[\s_-]*(?:code|command)[\s_-]*execution|code\.execution|\brce\b|command[\s_.-]*injection|\bsqli\b|directory[\s_-]*traversal|web-?shell upload|privilege gain|attempted-admin|\blfi\b|\brfi\b|attempts? to exploit|attempt\w* to log4",
        Activity::IntrusionAttempt,
        2.5,
    ),
    (
        r"denial[\s_-]*of[\s_-]*service|\bd?dos\b(?:[\s_-]*attack)?|\bddos|(?:syn|udp|icmp|http|ack|packet|traffic|layer ?7)[\s_-]*(?:flood|attack)|tcp_syn\b|\b\d+(?:\.\d+)?\s?[kmg]\s?pps\b|\bflood(?:ing|ed|s)?\b|\bslammed with\b|\bjunk (?:udp|tcp|packets?|traffic)\b|\bsaturat(?:ed|es|ing) (?:our|the|its) (?:up-?link|link|line|port|connection)",
        Activity::DenialOfService,
        3.0,
    ),
    (
        r"\b\d[\d.,]*\s?(?:k|m|mio|million|millions|millionen|thousand|millones|milhoes)\s+(?:de\s+)?(?:\w+\s+){0,2}(?:requests|packets|paquets|anfragen|pakete|peticiones|paquetes|requetes|pacotes)\b|\b(?:thousands|milliers|miles|milhares|migliaia|tausende|duizenden|tysiace)\s+(?:(?:of|de|di|von)\s+)?(?:http[- ])?(?:requests|packets|requetes|paquets|peticiones|solicitudes|paquetes|pedidos|requisicoes|pacotes|richieste|pacchetti|anfragen|pakete|verzoeken|zadan|zapytan)\s+(?:a|an|per|par|por|pro|al|na)\s+(?:sec|seg|sek|min)",
        Activity::DenialOfService,
        1.5,
    ),
    (
        r"amplif|monlist|\bdrdos|reflexion|offen\w* (?:\w+ ){0,6}(?:memcached|ntp|dns|resolver|snmp|ssdp|ldap|netbios|portmapper)|exploitable (?:\w+ ){0,2}(?:servers?|resolvers?|services?)|spoofed[\s\w\x22']{0,20}(?:request|quer|packet|source)|(?:accessible|exposed|public(?:ly accessible)?|vulnerable)\s(?:\w+ ){0,2}(?:memcached|ntp|dns|resolvers?|snmp|ssdp|chargen|cldap|ldap|netbios|portmapper|rpcbind|mdns|tftp|qotd)\b|reflect(?:ion|or|ed|ive)|open[\s_-]*(?:recursive|dns|resolver|ntp|memcached|snmp|ssdp|chargen|ldap|netbios|portmap|mdns|tftp|mssql|cldap|rpc)|dns_?openresolver|openresolver|recursive resolver|spoofed quer|scan_(?:memcached|ntp|ntpmonitor|snmp|ssdp|netbios|mssql|chargen|qotd|ldap|portmapper|mdns|tftp)",
        Activity::Reflection,
        3.5,
    ),
    (
        r"\bspam|unsolicited (?:bulk |commercial )?(?:e-?)?mail|\bu[bc]e\b|bulk[\s_-]*(?:e-?mail|messag)|spamvertis|junk mail|mail abuse|email abuse report|regbot|forum spam|spamtrap|harvest",
        Activity::Spam,
        2.5,
    ),
    (
        r"phish|fraudulent (?:web ?)?(?:site|content|page)|fake (?:web ?)?(?:site|page|shop|login)|credential harvest|scam page|identity theft",
        Activity::Phishing,
        3.0,
    ),
    (
        r"(?:malware|virus(?:es)?)[\s_-]*(?:hosting|sites?|distribution|attack|website|url|download|ontdekt)|host(?:s|ing|ed)? malware|malicious (?:file|software|payload|content|download|script)|virus distribution|\b(?:loaders?|droppers?|payloads?)\b.{0,40}\b(?:delivered|served|hosted|downloaded|fetched)\b|webshell|web shell|download-link|defacement|web[\s-]?inject",
        Activity::MalwareHosting,
        3.0,
    ),
    (
        r"\bmalware\b|\bvirus(?:es)?\b|schadsoftware|schadprogramm|logiciels? malveillant|zlosliw\w+ oprogramowani|software malicioso|software dannoso|maliciel|malwar",
        Activity::MalwareHosting,
        0.8,
    ),
    (
        r"command[\s_-]*(?:and|&)[\s_-]*control|\bc\s?&\s?c\b|\bc2[\s-]+(?:server|traffic|commun|channel|host|domain|activity|callback)|botnet|sinkhole|zombie|\bdrones?\b|infected[\s_-]*(?:host|system|machine|computer)|conficker|\bmirai\b|zeroaccess|bot infection|rpz|infected with|cobalt\s?strike|komentopalvelim|haittaohjelmatartun|serveurs? de (?:commande|controle)|servidor(?:es)? de (?:comando|mando|control)|steuerungsserver|kontrollserver|управляющ|team\s?server",
        Activity::CommandAndControl,
        2.5,
    ),
    (
        r"crypto[\s_-]*(?:min|currency|jack)|bitcoin min|coin[\s_-]*miner|\bmining (?:pool|activit)|cryptomin|\bmonero|xmrig",
        Activity::CryptoMining,
        3.0,
    ),
    (
        r"open[\s_-]*(?:http[\s_-]*|socks[\s_-]*|web[\s_-]*)?prox(?:y|ies)|open[\s_-]*(?:mail[\s_-]*)?relay|proxy abuse|\bproxy\b.{0,20}\babuse",
        Activity::OpenProxy,
        3.0,
    ),
    (
        r"\btor[\s_-]*(?:exit|entry|relay|node|client|server|guard|bridge|network)|\bonion rout|anonymizing proxy",
        Activity::Tor,
        3.0,
    ),
    (
        r"sken(?:ov|uj)\w* port|sk[ae]n\w* port|skann\w+ (?:av )?(?:portene|portarna|porte)|escane\w+|barrido de puertos|exploracion (?:de )?(?:puertos|equipos|red)|\bexplor\w+\b[^.;]{0,40}\bpuertos?\b|portszken|\bscanne\b|(?:ab)?gescannt|balayage|scan(?:ner)? de ports?|scansion[ei]|varredura|skanowani|skenovan|port ?skann|portskan|tarama|\bpoort ?scan|端口扫描|端口掃描|扫描|掃描|ポートスキャン|スキャン|스캔|сканирован|сканування",
        Activity::PortScan,
        2.5,
    ),
    (
        r"hrubou silou|tentativ\w+ d'authentification|slownikow\w*|slovnikov\w* utok|utok\w* na hesl|(?:tent|essay)\w+[^.]{0,60}se connecter|versuch\w*[^.]{0,60}anzumelden|intent\w+[^.]{0,60}(?:iniciar sesion|conectarse)|tent\w+[^.]{0,60}(?:autentica|fazer login)|tentativ\w+ di accesso|forsokt?\w*[^.]{0,40}logga in|bejelentkezesi|oturum acma|prob\w+[^.]{0,30}zalogowa|пытал\w+[^.]{0,40}войти|подбор\w* парол|спроб\w+ входу|fuerza bruta|force brute|forza bruta|forca bruta|\bbrute ?force|silow|angriff\w*.{0,40}\b(?:ssh|rdp|imap|ftp)\b|hruba sila|kaba kuvvet|inlogpog|anmeldeversuch|passwort|tentativ\w+ (?:de |di )?(?:connexion|login|accesso|acceso)|intento\w* de (?:login|inicio de sesion|autenticacion)|proby logowania|inloggningsforsok|innloggingsforsok|loginforsog|kirjautumisyrity|暴力破解|暴力攻击|暴力攻擊|tan cong brute|do mat khau|総当たり|ブルートフォース|무차별|перебор|підбір",
        Activity::LoginAttack,
        3.0,
    ),
    (
        r"overbelastning|tjenestenekt|palvelunesto|uberflut|geflutet|denegacion de servicio|deni de service|negacao de servico|odmow\w* uslug|uberlastungsangriff|拒绝服务|サービス拒否|서비스 거부|отказ\w* в обслуживании|відмов\w+ в обслуговуванні",
        Activity::DenialOfService,
        3.0,
    ),
    (
        r"correo (?:no deseado|basura)|pourriel|courriel indesirable|posta indesiderata|ongewenste e?-?mail|unerwunscht\w* (?:e-?)?mail|niechcian|roskaposti|skrappost|nevyzadan|istenmeyen|keretlen|levelszemet|垃圾邮件|垃圾郵件|迷惑メール|スパム|스팸|спам",
        Activity::Spam,
        2.5,
    ),
    (
        r"(?:courriels?|e-?mails?|messages?|correos?|mensajes?|mensagens?|messaggi|berichten)\s+(?:\w+\s+)?(?:non sollicit|frauduleu|no solicitad|nao solicitad|non richiest|indesiderat|ongevraagd)\w*|envoi (?:massif|en masse)|envio (?:masivo|em massa)|invio massivo|unaufgefordert\w* (?:e-?mail|mail|werbung|nachricht)\w*|werbe-?(?:e-?)?mails?|massen-?(?:e-?)?mail\w*",
        Activity::Spam,
        2.5,
    ),
    (
        r"podszyw\w+|podvodn\w+ (?:\w+ )?(?:strank|web)|usurp\w+ (?:l'identite|le site)|se fait passer pour|se hace pasar por|se faz passar por|si spaccia per|doet zich voor|gibt sich als|поддельн\w* (?:сайт|страниц)|підроблен\w* (?:сайт|сторінк)",
        Activity::Phishing,
        2.5,
    ),
    (r"suplantaci|hameconnage|钓鱼|釣魚|フィッシング|피싱|фишинг|wyludza", Activity::Phishing, 3.0),
    (
        r"\bprob(?:e|es|ed|ing) (?:of )?(?:my|our|the) (?:\w+ )?(?:web ?sites?|sites?|web ?servers?|web ?apps?|web ?applications?|shop|blog|wordpress)\b",
        Activity::IntrusionAttempt,
        3.0,
    ),
    (
        r"\bscan(?:s|ned|ning)? (?:of )?(?:my|our) (?:\w+ )?(?:machines?|servers?|networks?|hosts?|systems?|ips?|routers?|addresses|range|subnet)\b|\b(?:masscan|zmap)\b",
        Activity::PortScan,
        2.5,
    ),
    (r"\bsafe browsing\b|\bsuspicious urls?\b", Activity::MalwareHosting, 2.0),
    (
        r"\bsql (?:attacks?|injections?)\b|\bunion(?:\s|\+|%20)(?:all(?:\s|\+|%20))?select\b|information_schema",
        Activity::IntrusionAttempt,
        3.0,
    ),
    (r"\bscanning (?:packets|activit(?:y|ies)|traffic|attempts|probes)\b", Activity::PortScan, 2.5),
    (
        r"\b(?:kelihos|gamarue|andromeda|necurs|emotet|qakbot|qbot|trickbot|cutwail|sality|virut|ramnit|gozi|dridex|flubot|nymaim|avalanche|gamut|pandabanker|brownflood)\b|\binfected (?:ips?|devices?|clients?)\b|\btrojaner?\b",
        Activity::CommandAndControl,
        2.5,
    ),
    (r"\bunsolicited smtp\b|\bsmtp connections with helo", Activity::Spam, 2.5),
    (
        r"vulnerab\w*[ :_-]{1,3}(?:rpcbind|portmapper|ntp|snmp|ssdp|memcached|open ?resolver|netbios|ldap|cldap|chargen|qotd|tftp|mdns)",
        Activity::Reflection,
        3.0,
    ),
    (
        r"僵尸网络|木马|ボットネット|봇넷|ботнет|botnetz|infiziert|zainfekowan|machines? infectee|equipos? infectado|infettat|geinfecteerd|besmet",
        Activity::CommandAndControl,
        2.0,
    ),
    (
        r"\bscrap(?:ing|er)|\b(?:web)?crawl|\brobots(?:\.txt| file)|(?:fetch|download|request|load|tak)(?:es|ed|ing)? (?:every|all (?:the |our )?|the whole|my whole|our whole)\s?(?:page|site|shop|catalog)",
        Activity::WebCrawling,
        1.5,
    ),
    (
        r"\bexposed (?:redis|mongo|elastic|database|server|service|docker|kubernetes|panel)|without (?:a |any |requiring )?(?:password|authentication|credentials)|(?:publicly|openly) (?:accessible|exposed|reachable) (?:elastic\w*|redis|mongo\w*|memcached|docker|kube\w*|database|kibana|jenkins|api)|unprotected (?:service|database)",
        Activity::Other,
        2.0,
    ),
    (
        r"\battack(?:s|ed|ing|ers?)?\b|hammering|malicious|tan cong|\bangreb|angriff|ataque|attaque|attacco|\bataku?\b|saldiri",
        Activity::Other,
        0.25,
    ),
    (
        r"copyright|\bdmca\b|infring|intellectual property|trademark|pirat(?:ed|ing)|bittorrent|torrent",
        Activity::Copyright,
        3.0,
    ),
    (
        r"不正ログイン|ログイン試行|로그인 시도|무단 로그인|登录尝试|尝试登录|登錄嘗試|嘗試登入|\bregister\b.{0,60}\b40[137]\b|regist\w* (?:de )?(?:extens|sip)|regist\w* sip\b|\bsip\b.{0,30}regist|\b4625\b|dang nhap trai phep|percobaan (?:login|masuk)|sifre deneme|giris deneme|guess\w* (?:\w+ ){0,3}(?:passwords?|credentials|log-?ins?)",
        Activity::LoginAttack,
        2.5,
    ),
    (
        r"(?:\.|%2e)(?:\.|%2e)(?:/|%2f|\\)(?:\.|%2e)(?:\.|%2e)|/etc/passwd|/bin/(?:ba)?sh\b|union(?:%20|\+|\s)+(?:all(?:%20|\+|\s)+)?select|\bsqlmap\b|<script|/\.env\b|/\.git/|phpunit|eval-stdin|wp-config\.php|\bnikto\b|\bnuclei\b|system:anonymous|unauthori[sz]ed requests?|gained access|data theft|exfiltrat\w*|lo hong",
        Activity::IntrusionAttempt,
        2.5,
    ),
    (
        r"(?:connections?|requests?|packets?|queries|hits|anfragen|verbindungen|pakete|requetes|connexions|paquets|conexiones|peticiones|connessioni|richieste|pacchetti|conexoes|requisicoes|verzoeken|verbindingen|polaczen|zapytan)\s*(?:(?:per|pro|a|par|por|al|na)\s|/)\s*(?:s\b|sec|sekund|second|segundo|seconde)|saniyede\s*~?\d|запрос\w* в секунду|毎秒|每秒|초당|\b\d+(?:[.,]\d+)?\s?[gm](?:bps|bit/s|bit\b)",
        Activity::DenialOfService,
        2.0,
    ),
    (
        r"answers? (?:recursive )?quer(?:y|ies) from any(?:body|one|where)|(?:to|can|could|may) reflect\b|\bopen (?:snmp|ntp|memcached|ssdp|cldap|chargen|resolver)",
        Activity::Reflection,
        3.0,
    ),
    (
        r"security exception|\b(?:uploadshield|sqlishield|rfishield|lfishield|wafblacklist)\b",
        Activity::IntrusionAttempt,
        2.0,
    ),
    (r"reflex(?:ao|ion)|reflet(?:or|ores)|reflektor|amplifica|amplifizier", Activity::Reflection, 3.0),
    (
        r"(?:clone|fake|falso|falsa|faux|fausse|falsche|gefalschte|valse|nep|copia|contraffatt\w)[\s-]+(?:web ?)?(?:site|sito|sitio|seite|website|page|pagina|shop|log-?in)|(?:site|sito|sitio|pagina) (?:clone|clon|falso|falsa|contraffatt\w|frauduleux|fraudulent\w)|(?:collects?|harvests?|steals?|raccoglie|recoge|recueille|sammelt)\b.{0,60}(?:passwords?|credential\w*|card|pin\b|contrasen\w+|zugangsdaten|mots? de passe)",
        Activity::Phishing,
        3.0,
    ),
    (
        r"botnet mining|mining (?:pool|botnet)|\bcoin ?miners?\b|\bstratum\b|crypto ?miner",
        Activity::CryptoMining,
        3.0,
    ),
    // The same in more languages.
    (
        r"sken(?:ir|en)\w* (?:port|vrat)|skeniranj|preiskovanj\w* vrat|prievad\w* (?:skenav|zvalg)|skenav(?:im|o\b)|portu skenesan|skenesan|pordi?(?:de|te)? ?(?:skann|skaneer)|skaneerimi|escaneig|escaneja|porttiskannau|letapogat|quet cong|quet port|pemindaian|memindai|imbasan|mengimbas|scanare|scanat|a scanat|сканиран|сканира\b|скенирањ|скенира|σαρωσ|اسکن|پویش|مسح (?:ال)?منافذ|فحص (?:ال)?منافذ|סריק|स्कैन|สแกน|端口探测|埠掃描",
        Activity::PortScan,
        2.5,
    ),
    (
        r"(?:pogad|nagad|ugib|probij|razbij)\w* (?:lozin|sifr|gesel|gesl)|pokusa\w* prijav|poskus\w* prijav|hada\w* hes(?:el|l)|hesl\w* had|uhadn\w* hes|uhodnut\w* hes|slovnikov\w* utok|utok na hesl|slaptazod|paroles? (?:minesan|uzmin)|parol[ue] (?:minesan|minej|uzmin)|parooli|sisselogimiskats|endevinar (?:les )?contrasen|contrasenyes|jelszo|probalgat|salasan|arvail|losenord|inloggningsf|adgangskode|passord|ghici\w* (?:a )?parol|parolelor|parola dene|sifre dene|menebak|kata (?:sandi|laluan)|meneka|do mat khau|mat khau|credential stuffing|подбор\w* парол|налучкв|отгатв|познаване на парол|брутфорс|погађањ\w* лозинк|лозинк|пароли|парол\w* ssh|підбор\w* парол|підбір парол|добір парол|κωδικ\w* ?(?:προσβασ|ssh)?|حدس (?:گذرواژه|رمز)|گذرواژه|تخمين|كلمات (?:ال)?مرور|القوة الغاشمة|סיסמ|पासवर्ड|รหัสผ่าน|密码猜测|密碼猜測|猜测密码|猜測密碼|撞库|撞庫|弱口令|パスワード|辞書攻撃|リスト型|비밀번호|패스워드|크리덴셜",
        Activity::LoginAttack,
        2.5,
    ),
    (
        r"uskracivanj\w* uslug|uskracanj\w* uslug|preplavlj|preobremenit|zavrnitv\w* storit|poplav\w* (?:zahtev|paket)|odmietnuti\w* sluzb|odepreni sluzb|zahlten|zaplav|paslaug\w* trikd|atsisakymo aptarnauti|uztvind|pakalpojum\w* atteic|pakalpojumatteic|parsloga|teenuse? tokest|teenusetokest|ummistus|denegacio de servei|tulterhel|szolgaltatasmegtagad|tjanstenekning|penolakan layanan|penafian perkhidmatan|banjir (?:paket|permintaan)|tu choi dich vu|hizmet(?:i)? engelleme|refuz(?:ul|area)? (?:de |a )?serviciu|отказ от услуга|наводняване|ускраћивањ|відмов\w* в обслуговув|αρνησ\w* εξυπηρετ|ddos|محروم ?سازی|انکار سرویس|منع سرویس|حجب (?:ال)?خدمة|الحرمان من الخدمة|מניעת שירות|הצפה|सेवा से इनकार|ปฏิเสธการให้บริการ|阻斷服務|阻断服务",
        Activity::DenialOfService,
        3.0,
    ),
    (
        r"nezelen\w* (?:e-?)?(?:post|mail)|nezeljen\w* (?:e-?)?(?:post|mail)|nezeljen\w* (?:\w+ )?post|nevyziadan|nevyzadan|brukal|slamst|mestul|surogatpast|rampspost|spammi|correu brossa|correu no desitjat|escombrar|levelszemet|kertelen level|roskapost|skrapp?post|soppelpost|sop?pelepost|uonsket (?:e-?)?(?:post|mail)|mesaje? nesolicitat|e-?mail\w* nesolicitat|thu rac|email sampah|surel sampah|mel sampah|istenmeyen (?:e-?)?posta|нежелан\w* (?:поща|съобщ|пошт)|непоискан|нежељен\w* пошт|небажан\w* (?:лист|пошт)|ανεπιθυμητ|هرزنامه|اسپم|رسائل (?:مزعجة|غير مرغوب)|بريد مزعج|(?:ال)?بريد العشوائي|דואר זבל|ספאם|स्पैम|สแปม|อีเมลขยะ",
        Activity::Spam,
        3.0,
    ),
    (
        r"mrezn\w* krad|fising|lazn\w* stranic|lazn\w* (?:spletn|web)|spletno ribarj|podvrh|rhybar|sukciav\w* (?:svetain|puslap)|piksker|ongitsus|petulehek|adathalasz|tietojenkalastel|kalastelus|natfiske|lua dao|gia mao|pengelabuan|laman palsu|oltalama|фишинг|фишинг страниц|фіш|ψαρεμα|φισινγκ|فیشینگ|صفحه جعلی|تصيد|احتيال|דיוג|פישינג|फ़िशिंग|फिशिंग|ฟิชชิ|หลอกลวง",
        Activity::Phishing,
        3.0,
    ),
    (
        r"(?:komandn|upravljack|nadzorn|riadiac|ridici|valdymo|komand|vadibas|juht|vezerlo|komut|kontrol)\w* (?:i kontroln\w* |a kontroln\w* )?(?:server|posluzitelj|streznik|kiszolgalo)|c2[- ](?:posluzitelj|streznik|szerver|palvelin|сървър|сервер)|komandn\w+ i kontroln|botu? tinkl|botnet|robotvorg|ботмреж|сървър\w* за (?:управление|командване)|control(?:ador)? de la botnet|may chu dieu khien|бот-?мереж|بات ?نت|بوت ?نت|خادم تحكم|שרת שליטה|בוטנט|बॉटनेट|บอตเน็ต|บ็อตเน็ต|殭屍網路|僵屍網路|控制服务器|中继控制|제어 서버|c&c서버",
        Activity::CommandAndControl,
        2.5,
    ),
    (
        r"sql[- ]?(?:injekci|injekcij|injeccio|injektio|injektering|enjeksiyon|ubacivanj|vriv|инжекц|инъекц|ін.єкц)\w*|(?:injekcij|injekcie|inyeccion|injection|injecao|iniezione|injectie|enjeksiyon)\w* (?:de |di |von )?sql|تزریق sql|حقن sql|הזרקת sql|sql注入|sqlインジェクション|sql 인젝션|sql인젝션|sql injeksi|(?:web|weba|veb|spletn)\w*[- ](?:napad|utok|ataka|uzbrukum|runnak|tamadas|hyokkays|saldiri|angrep|angreb)|attaque web|ataque web|attacco web|angriff auf (?:die|unsere) web|веб-?атак|уеб атак|уеб прилож|webes tamadas|serangan web|tan cong web|웹 ?공격|web攻撃|网页攻击|網頁攻擊|ucnuc|ucnutia|iskoristavanj\w* ranj|izkoriscanj\w* ranlj|zneuziti\w* zraniteln|sebezhetoseg|haavoittuvuu\w* hyvak|exploatare|експлоат|експлуатац|эксплуатац\w* уязв|استغلال (?:ال)?ثغر",
        Activity::IntrusionAttempt,
        2.5,
    ),
    (
        r"scrapping|raspagem|rastreo masivo|aspiration (?:de|du) (?:site|contenu)|strugan|web-?scraping|pretraziv\w* sadrzaj|haravoin|lapok letolt|краул|скрап|парсинг|парсер|веб-?скрейп|爬虫|爬蟲|爬取|抓取|クローリング|スクレイピング|크롤링|스크래핑|crawling",
        Activity::WebCrawling,
        2.0,
    ),
];

/// Words for any way to get in: where the notice shows log-ins that failed, they mean those.
const VAGUE: &[(&str, Activity, f32)] = &[
    (
        r"intrusion[\s_-]*attempt|without authori[sz]ation|hack(?:ing|ed)?[\s_-]*attempt|unauthori[sz]ed (?:access|entry)|attempts? to (?:compromise|break into|gain access)|\bintrusion\b|attempt\w* to (?:hack)",
        Activity::IntrusionAttempt,
        2.5,
    ),
    (
        r"intento\w* de acceso|tentativ\w+ d(?:e |')acc?es|\bhack(?:ing|ed|er|ers)?\b|break[\s-]?in|cowrie|dionaea|\bwget https?:|malicious (?:request|traffic|activity)|illegal access|web crawl",
        Activity::IntrusionAttempt,
        1.0,
    ),
    (
        r"murtautu|inbreken|in te breken|inbraak|intento\w* de intrusi|behatolasi kiserlet|feltores|intrusion|intrusao|einbruch|angriffsversuch|acesso nao autorizado|acceso no autorizado|acces non autorise|wlaman|intrang|入侵|不正アクセス|침입|взлом|несанкционирован",
        Activity::IntrusionAttempt,
        0.6,
    ),
];

static SET: LazyLock<RegexSet> =
    LazyLock::new(|| compile_set(PATTERNS.iter().chain(VAGUE).map(|(pattern, ..)| *pattern)));

/// What follows these words is the accusation itself.
static STATED: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)\b(?:resembl(?:es?|ing)|implicated in|has been reported for|reported for)\b(.{0,200})")
});

/// Words that make a sentence advice, a condition or a link rather than a statement.
static ADVICE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\bif (?:you|your|the|this|it)\b|\bpossible that\b|\bmay (?:be|have|result)|\bmight\b|\blikely\b|\bplease\b|\brecommend|\bto learn\b|https?://|\bguid(?:e|ance)\b|\bfor example\b|\bexample:|\bneeds to have\b|\bsuch as\b|\bwe are unable\b|\bbest practice";
    compile(pattern)
});

/// The foot of a page, not a complaint about rights.
static NOTICE_OF_RIGHTS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)©|\(c\)\s*\d{4}|all rights reserved|copyright\s+(?:\(c\)\s*)?\d{4}|without prior (?:written )?permission";
    compile(pattern)
});

/// Returns the activity that a short name means: a category, a type code, a table's cell.
pub(super) fn of_name(name: &str) -> Option<Activity> {
    of_words(name).or_else(|| of_service(name))
}

/// Returns the activity that the words of a short name mean; a service alone means none.
pub(super) fn of_words(name: &str) -> Option<Activity> {
    let mut scores = Scores::default();
    scores.add(name, 1.0);
    scores.add(&name.replace(['_', '/'], " "), 1.0);
    scores.best()
}

/// Returns the activity that the name of an attacked service, alone, stands for.
fn of_service(name: &str) -> Option<Activity> {
    let plain = name.trim_matches(|letter: char| !letter.is_alphanumeric());
    let first = plain
        .split(|letter: char| letter.is_whitespace() || matches!(letter, '*' | ','))
        .next()
        .unwrap_or(plain);
    Some(match first.to_ascii_lowercase().as_str() {
        "ssh" | "sshd" | "imap" | "pop3" | "ftp" | "rdp" | "sip" | "asterisk" | "sasl" | "telnet"
        | "bruteforcelogin" | "bruteforce" | "login" | "courierauth" | "dovecot" => Activity::LoginAttack,
        "mail" | "postfix" | "smtp" | "exim" | "qmail" | "fraud mail" => Activity::Spam,
        "apache" | "apacheddos" | "http" | "w00tw00t" | "exploit" | "rfi-attack" => {
            Activity::IntrusionAttempt
        }
        "portflood" | "ddos" | "flood" => Activity::DenialOfService,
        "portscan" | "scan" => Activity::PortScan,
        "proxy" => Activity::OpenProxy,
        "bots" | "bot" | "botnet" | "drone" | "c2" => Activity::CommandAndControl,
        "tor" => Activity::Tor,
        _ => return None,
    })
}

/// Weighs what a whole notice says was done.
pub(super) fn of_lines(lines: &[Line<'_>]) -> Option<Activity> {
    let mut scores = Scores::default();
    let mut statements = 0;
    for line in lines {
        if line.is_blank() || line.kind == LineKind::Header || NOTICE_OF_RIGHTS.is_match(line.text) {
            continue;
        }
        if let Some((name, value)) = field(line.text)
            && !NOTICE_OF_RIGHTS.is_match(line.text)
        {
            match label::meaning(name).kind {
                Kind::Activity => scores.add_field(value),
                Kind::Service => scores.add_service(value),
                _ => {}
            }
        }
        if let Some(said) = STATED.captures(line.text) {
            scores.add(&said[1], 4.0);
        }
        let weight = match (line.role, line.kind) {
            (SectionRole::Subject, _) => 4.0,
            (_, LineKind::Aside) => 0.05,
            (SectionRole::Nested, _) => 0.7,
            (SectionRole::Attachment, _) => 0.6,
            _ => 1.0,
        };
        // What is said first is what the notice is about; later come logs and advice.
        let fade =
            if line.role == SectionRole::Subject { 1.0 } else { 1.0 / (1.0 + statements as f32 / 40.0) };
        statements += usize::from(line.role != SectionRole::Subject);
        if line.role == SectionRole::Subject || !ADVICE.is_match(line.text) {
            scores.add(line.text, weight * fade);
        } else {
            // Advice in one sentence makes no advice of the next.
            for sentence in line.text.split_inclusive(". ") {
                let share = if ADVICE.is_match(sentence) { 0.15 } else { 1.0 };
                scores.add(sentence, weight * fade * share);
            }
        }
        if statements > 2000 {
            break;
        }
    }
    scores.best()
}

/// Splits a short "name: value".
pub(super) fn field(text: &str) -> Option<(&str, &str)> {
    let led = || text.split_once("...").map(|(name, value)| (name, value.trim_start_matches('.')));
    let (name, value) = text
        .split_once([':', '=', '\t'])
        .filter(|(name, _)| !name.contains("..."))
        .or_else(led)
        .or_else(|| text.split_once("  "))?;
    (name.len() <= 60 && !value.trim().is_empty()).then_some((name.trim(), value.trim()))
}

/// A deed of this weight is what a notice is about, whatever it says of rights.
const DEED_MIN: f32 = 2.0;
/// Log-ins of this weight are what vague words mean.
const LOG_INS_MIN: f32 = 1.0;

#[derive(Debug, Default)]
struct Scores {
    by_activity: Vec<(Activity, f32, u32)>,
    /// More than vague words tell of an intrusion.
    is_firm_intrusion: bool,
}

impl Scores {
    /// Counts the patterns of a text; repeats count less and less.
    fn add(&mut self, text: &str, weight: f32) {
        for index in SET.matches(&fold(&text[..text.floor_char_boundary(text.len().min(600))])) {
            let vague = index.checked_sub(PATTERNS.len());
            let (_, activity, worth) = vague.map_or(PATTERNS[index.min(PATTERNS.len() - 1)], |at| VAGUE[at]);
            self.count(activity, worth * weight);
            self.is_firm_intrusion |= activity == Activity::IntrusionAttempt && vague.is_none();
        }
    }

    fn add_field(&mut self, value: &str) {
        match of_name(value) {
            Some(activity) => {
                self.count(activity, 15.0);
                self.is_firm_intrusion |= activity == Activity::IntrusionAttempt;
            }
            None => self.add(value, 8.0),
        }
    }

    fn add_service(&mut self, value: &str) {
        if let Some(activity) = of_service(value) {
            self.count(activity, 2.5);
        }
    }

    fn count(&mut self, activity: Activity, worth: f32) {
        match self.by_activity.iter_mut().find(|(known, ..)| *known == activity) {
            Some((_, score, times)) => {
                *times += 1;
                *score += worth / (*times as f32).powf(0.7);
            }
            None => self.by_activity.push((activity, worth, 1)),
        }
    }

    fn best(&self) -> Option<Activity> {
        // Rights are mentioned at the foot of what is about something else.
        let deeds =
            || self.by_activity.iter().filter(|it| !matches!(it.0, Activity::Copyright | Activity::Other));
        let says_more = deeds().any(|it| it.1 >= DEED_MIN);
        let weighed = self.by_activity.iter().filter(|it| it.0 != Activity::Copyright || !says_more);
        let best = weighed.max_by(|one, other| one.1.total_cmp(&other.1))?;
        let shows_log_ins = || deeds().any(|it| it.0 == Activity::LoginAttack && it.1 >= LOG_INS_MIN);
        if best.0 == Activity::IntrusionAttempt && !self.is_firm_intrusion && shows_log_ins() {
            return Some(Activity::LoginAttack);
        }
        (best.1 >= 0.2).then_some(best.0)
    }
}

#[cfg(test)]
mod tests {
    use super::of_name;
    use crate::claim::Activity;

    #[test]
    fn understands_names() {
        for (name, expect) in [
            ("Port Scanning", Some(Activity::PortScan)),
            ("port-scanning", Some(Activity::PortScan)),
            ("port_scan", Some(Activity::PortScan)),
            ("Intrusion Attempts", Some(Activity::IntrusionAttempt)),
            ("login-attack", Some(Activity::LoginAttack)),
            ("LoginAttack", Some(Activity::LoginAttack)),
            ("ddos", Some(Activity::DenialOfService)),
            ("DOS", Some(Activity::DenialOfService)),
            ("EMAIL_SPAM", Some(Activity::Spam)),
            ("OPEN_PROXY", Some(Activity::OpenProxy)),
            ("BOTNET", Some(Activity::CommandAndControl)),
            ("openresolvers", Some(Activity::Reflection)),
            ("ssh", Some(Activity::LoginAttack)),
            ("gardening", None),
        ] {
            assert_eq!(of_name(name), expect, "{name}");
        }
    }
}
