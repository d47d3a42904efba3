"""What the matcher knows of a language: spellings of one word, words without meaning, words for one thing. Data, no logic."""

from __future__ import annotations

from collections.abc import Mapping

# Spellings that recognisers and people split in different ways, written as one word.
COMPOUNDS: Mapping[str, str] = {
    r"wi[ -]fi|w ?lan|wireless": "wifi",
    r"e[ -]sims?": "esim",
    r"voice[ -]?mails?|mail ?box|answering machine": "voicemail",
    r"hot[ -]spot": "hotspot",
    r"p u k": "puk",
    r"(?:5|five)[ -]?g": "fiveg",
    r"(?:4|four)[ -]?g|l t e": "lte",
    r"m m s": "mms",
    r"s m s|text messages?|texts?": "sms",
    r"e[ -]mail": "email",
    r"topped up|topping up|top[ -]ups?": "topup",
    r"(?:log|logging|sign|signing)[ -]in": "login",
    r"can not": "cannot",
    r"cell ?phone|mobile phone|smart ?phone|handset": "phone",
    r"broad band": "broadband",
    r"cash ?(?:machines?|points?)|a t ms?|atms": "atm",
}

_ENGLISH_STOPS = """
a an the is are was were be been am to of in on at for with by it its this that i my me you your we our us do does did can could will would
please and or so if there have has had as i'm i've i'd i'll it's im ive just some any from
"""
_MANDARIN_STOPS = """
我 你 您 我们 你们 的 了 吗 呢 啊 吧 是 在 有 想 要 请 能 可以 会 就 都 也 还 把 给 跟 和 不 一下 这 那 这个 那个 怎么 怎么办 什么 为什么 多少
"""
STOPS: Mapping[str, frozenset[str]] = {"en": frozenset(_ENGLISH_STOPS.split()), "zh": frozenset(_MANDARIN_STOPS.split())}
"""Words that say nothing about what a question is about."""

# Words that callers use for the same thing. The first word of a line stands for all of it.
_ENGLISH_SYNONYMS = """
abroad overseas foreign international country countries travel travelling trip holiday vacation border
abroad america usa australia austria belgium brazil britain canada china denmark
abroad egypt england europe france germany greece india indonesia ireland italy japan
abroad korea malaysia mexico morocco netherlands norway poland portugal russia
abroad singapore spain sweden switzerland taiwan thailand tunisia turkey ukraine vietnam
activate activation live start begin running enable
address street postcode zip
adult porn bad nasty unsuitable inappropriate
advice recommend suggest
agent colleague employee staff adviser representative
amount sum total
annoying nuisance unwanted harass harassing spam junk robocall robocalls
annoying scam scammer telemarketer telemarketers telemarketing advertising sales stranger unknown
answer pick pickup
app application
appointment visit slot
area neighbourhood neighborhood village town city region district island countryside valley suburb
arrive come came delivery deliver delivered arrival reach
autopay automatic automatically recurring debit
bank giro iban
battery charger
bigger larger upgrade more
bill invoice statement bills billing
block bar ban blacklist barred stop prevent
bonus loyalty
book arrange schedule reserve
booster repeater extender mesh amplifier extend boost improve strengthen
bound tied locked
broken break broke damage damaged crack cracked busted smash smashed shattered faulty defective scratched ruined
business company firm
buy purchase order obtain bought
call ring dial telephone phoning ringing rang calling
callback return
cancel terminate quit resign termination cancellation discontinue
cap limit maximum ceiling budget
card chip
cash money funds coins
change modify amend alter update edit switch swap changing
charge cost fee price rate rates charged fees expensive pay costs
cheap cheaper discount reduction reduced rebate off concession
check look see view find show
child kid kids children son daughter boy girl teenager baby toddler
choppy crackling crackle echo robot noise noisy distorted garbled muffled static sound voice audio
close shut closing closed
code number
coffee tea
complaint complain dissatisfied unhappy unsatisfied grievance angry upset disappointed ombudsman
computer laptop pc notebook tablet desktop macbook ipad
confirm verify prove proof certificate identity id
connect connection connected
contact reach
contract subscription agreement
copy duplicate printout pdf download
courier postman parcel package shipment shipped ship tracking
coverage reception signal bars network service
credit balance prepaid voucher
cut drop dropped disconnect disconnects interrupted dropping lost
data gigabyte gigabytes gig gigs gb megabyte megabytes volume allowance
day date
dead kaput
deadline due latest
disabled disability handicapped
dispute challenge contest
divert redirect reroute diversion forward forwarding
document form paper passport
dollar dollars euro euros pound pounds bucks
earlier previous old former past last
early ahead before premature prematurely
email mail
emergency urgent
end expire expiry expires finish finished over ends run
engineer technician installer mechanic fitter craftsman repairman
extra additional another second further add addon
family relative household
fast speed quick quickly
fibre fiber optic
film movie series video videos netflix youtube stream streaming buffering buffer
filter content restrict restriction safe protect protection youth guard guardian
fine penalty punishment
fix repair mend repaired
flight plane airport
forgot forget forgotten remember
freeze frozen freezing hangs stuck
friend buddy
garden basement cellar attic upstairs bedroom kitchen room rooms floor indoors inside walls
greeting message announcement
guarantee warranty guaranteed
guest guests visitor visitors friends
half part parts instalment installment instalments installments split portions spread
hide hidden suppress withhold conceal anonymous anonymously private secret
hour hours time clock
house home flat apartment place
increase higher rise risen rose went doubled bigger up high jumped
install installation installed
internet online web website websites browse browsing surf surfing pages
join become signup customer
key passcode password pin passphrase
language chinese mandarin spanish french german english cantonese italian polish turkish speak
late overdue unpaid missed
leave exit out away left leaving
letter post mailed posted envelope printed letterbox
light lamp led blinking flashing
line landline connection
location locations nearest closest near nearby branch
lock locked unlock unlocked simlock unblock
lost lose missing misplaced losing mislaid disappeared vanished
lot plenty loads
machine device gadget equipment
married marriage wedding divorce divorced maiden
minute minutes
month monthly
mother father mum mom dad parents grandma grandmother grandfather sister brother aunt uncle cousin
move moving moved relocate relocating relocation removal
name surname lastname spelled misspelled spelling
new newer fresh latest newest
number digits
offer deal promotion
operator provider carrier competitor vodafone rival
outage disruption breakdown down offline maintenance fault trouble downtime
owner ownership holder
parental parent
partner wife husband spouse girlfriend boyfriend
pay paid paying payment settle
phone telephone mobile cell cellphone device handset iphone samsung pixel galaxy android nokia huawei xiaomi smartphone
plan tariff package bundle packet
poor weak bad awful terrible lousy dreadful patchy horrible
porting port transfer
postpone extension delay wait later reschedule longer
premium ringtone horoscope subscribe subscribed unsubscribe competition
receive get got getting
refund reimburse reimbursement back repay compensation overpaid overpayment overcharged
reject deny decline refuse
replace replacement exchange
reset restart reboot rebooting restarting
return send sent
roaming roam
router modem box
screen display glass
sell sold
senior seniors pensioner pensioners retired elderly retirement
set setup configure settings
share sharing tether tethering
shop store outlet showroom shops stores branch
short tight afford broke struggling hardship jobless unemployed salary wages
slow sluggish crawling crawls lag lags laggy slower
sms text texts texting
someone somebody person people anyone
sometimes occasionally
student students university college school pupil apprentice apprentices trainee
stolen theft steal robbed thief stole nicked pinched snatched mugged burgled
sunday saturday monday tuesday wednesday thursday friday weekend weekends christmas easter
take bring keep retain
tower mast masts antenna
tv television telly
twice double duplicate
usage used use consumed consumption
water wet toilet
work works working worked function functions functioning
wrong incorrect mistake incorrectly error false
withdraw withdrawal withdrew withdrawing withdrawn
currency currencies convert converted converting conversion
recipient beneficiary payee receiver
pending processing processed process progress
detail details info information particulars
fraud fraudulent suspicious hacked compromised unauthorised unauthorized phishing
virtual digital
physical plastic actual
delete deletion deactivate erase
fail failed fails failing failure unable unsuccessful
earnings payroll
minimum least lowest
young age old older years
reason why cause explain
possible allowed accepted accept supported support available
register create apply application
transaction transactions
recognise recognize familiar
revert reverse undo
several multiple many various
source origin
photo picture selfie image
swallowed ate eaten stuck
accident accidentally
expect expected estimate
"""
_MANDARIN_SYNONYMS = """
账单 话费 帐单 电话费 话费单 月费 扣费 扣款 费用
多少钱 价格 资费 收费 价钱 怎么收费 贵 价位 花 收
便宜 优惠 折扣 打折 减免 省钱 划算
缴费 交费 付款 支付 付 交 付费 付钱 交钱 缴 还款
分期 延期 缓交 晚点 拖
退款 退钱 退 退回 退费 返还
套餐 资费套餐 计划 合约套餐
换 更换 改 变更 修改 更改 改成 换成 转 转换 变
流量 数据 上网流量 流量包 gb g 兆
剩 剩下 剩余 余量 还剩 余额
查 查询 查看 看 看看 查一下 知道
国外 出国 境外 国际 海外 外国 出境 国外旅游 旅游 漫游
丢 丢失 掉 不见 遗失 丢了 被偷 偷 弄丢
坏 故障 损坏 坏了 破 碎 碎了 摔
不能 用不了 没法 无法 不行 没有 没 打不开 连不上 上不了 登不上 失灵
卡 sim卡 手机卡 电话卡 sim
补 补办 补卡 重办 重新
激活 开通 启用 打开 开启 开 办理 办 申请 设置 开始
取消 退订 关闭 停 停用 注销 解约 终止 不要 关掉 销户 解除
合同 合约 协议 签约 约
到期 期限 截止 满 结束
转网 携号转网 携号 转入 转出 保留
信号 网络信号 覆盖 基站 满格 格
网 网络 宽带 上网 互联网 网速
慢 卡顿 很慢 延迟 缓冲
路由器 路由 光猫 猫 modem
wifi 无线 无线网 无线网络 热点
密码 口令 pin 密码锁 验证码
忘 忘记 忘了 记不得 不记得
搬家 搬 新家 迁移 移机 新房
师傅 安装 装 上门 技术员 工程师 安装师傅
语音信箱 留言 信箱 语音留言
转移 呼叫转移 转接 转到
骚扰 骚扰电话 推销 垃圾 诈骗 陌生
号码 号 手机号 电话号码 电话号
隐藏 隐私 不显示 来电显示
营业厅 门店 店 网点 实体店 商店 店面
几点 时间 什么时候 何时 哪天 多久 多长时间
投诉 不满 意见 反映 举报
家人 家庭 副卡 亲情 老婆 老公 爸妈 家里人
孩子 小孩 儿童 儿子 女儿 青少年
学生 大学 学校
限额 上限 封顶 超支 控制
短信 彩信 信息 消息
地址 住址 邮寄地址
名字 姓名 改名
过户 机主 户主 名下
登录 登陆 app 应用 客户端
充值 充 话费充值 充钱
订单 快递 物流 发货 包裹
发票 纸质 明细 清单 复印件 副本
自动 代扣 自动扣款
手机 电话 机子 设备
升级 新手机 换机 新机
维修 修 修理
解锁 网络锁 锁
5g 五g
停电 断网 中断 大面积 停网
"""
SYNONYMS: Mapping[str, str] = {"en": _ENGLISH_SYNONYMS.strip(), "zh": _MANDARIN_SYNONYMS.strip()}
