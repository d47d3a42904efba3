"""What people say on a telephone that no hotline's knowledge answers: the matcher's idea of "none of these".

General talk only (weather, food, health, sport, jokes, travel, home), so that it fits every trade. Data, no logic.
"""

from __future__ import annotations

from collections.abc import Mapping

_ENGLISH = """
will it rain this afternoon
how cold is it outside
is it going to snow at the weekend
what temperature will we have on friday
tell me something funny
do you know a riddle
make me laugh
who scored in the match yesterday
what was the result of the game
when does the olympic final start
which team is top of the league
how do i make pancakes
what can i use instead of eggs
how long must i boil potatoes
give me a recipe for soup
i would like to reserve a table for two
where can i eat good sushi
how many calories does a banana have
bring me a hamburger with fries
my head hurts
i think i have a fever
i need to see a dentist
what helps against a cough
where is the nearest hospital
the doctor gave me new medicine
my cat does not eat
how often should i walk my dog
my tyre is flat
how do i change the oil in my car
i am looking for a used car
where is the next petrol station
how do i renew my driving licence
which bus goes to the airport
how do i get to the museum from here
is there a train at eight o'clock
i want to fly to rome in september
find me a cheap hotel at the beach
my suitcase was left at the airport
do i need a visa
how far away is the moon
who wrote romeo and juliet
what is the highest mountain in the world
how many people live on earth
when did the second world war end
what is seventeen times twelve
what does this word mean
how do you spell necessary
how do you say thank you in italian
who is the prime minister
who won the election
what is in the news today
wake me at six
remind me to water the plants
set a timer for ten minutes
put milk on my shopping list
what have i got on my calendar today
play my favourite song
turn the music down
which movie is in the cinema
who sang this song
what is a good book for children
switch the light on in the bathroom
my fridge is making a noise
the heating in my flat is cold
there is water coming out of the dishwasher
how do i get a stain out of a shirt
i need a plumber
where can i buy cheap shoes
do you have this dress in blue
what does a kilo of apples cost
i am looking for a birthday gift
i want to rent a house in the country
how do i plant tomatoes
when should i cut the grass
i have to write an essay for school
can you help me with mathematics
how do i become a pilot
i would like to apply for a job
are you hiring at the moment
how do i write a letter of application
my boss is unfair to me
i want to sell you something
would you like to advertise with us
i am calling from the newspaper
may i ask you a few questions for a survey
what is your favourite colour
where were you born
are you a real human or a computer
how are you today
what are you doing tonight
do you love me
what do you think about politics
my neighbour is too loud
i had a fight with my sister
i am bored
i feel lonely
nothing really i just wanted to talk
what do you mean
hello is anybody there
sorry wrong number
let me think for a moment
hold on someone is at the door
i was talking to my husband
turn left at the next corner
put it on the table please
come here and sit down
the children are playing in the garden
it was a long day and i am tired
yesterday we went to the lake
he said that she would be back soon
how do i tie a knot
how do i file my taxes
should i buy shares now
what is the price of gold
how much does a litre of petrol cost
i need an insurance for my car
how do i get a loan for a house
which electricity supplier is the cheapest
when is the rubbish collected
where do i get a new passport
at what time does the library open
is the swimming pool open today
how do i register my newborn child
which university is the best
how old is the universe
do aliens exist
what is the sense of it all
""".strip().splitlines()

_MANDARIN = """
明天会下雨吗
今天外面冷不冷
周末的天气怎么样
给我讲个笑话
你会唱歌吗
昨天的比赛谁赢了
世界杯什么时候开始
红烧肉怎么做
鸡蛋要煮几分钟
附近有什么好吃的餐厅
我想订一张两个人的桌子
一个苹果有多少热量
帮我点一份外卖
我头疼怎么办
我好像发烧了
我想挂号看医生
最近的医院在哪里
我的狗不吃东西
车胎没气了
我想买一辆车
最近的加油站在哪里
去机场坐几路公交车
下一班火车几点开
帮我订一张去北京的机票
海边有便宜的酒店吗
去美国要签证吗
世界上最高的山是哪座
谁写了红楼梦
地球上有多少人
十七乘以十二等于多少
这个字怎么念
谢谢用法语怎么说
今天有什么新闻
早上六点叫我起床
提醒我浇花
放一首歌
有什么好看的电影
推荐一本书
把灯打开
冰箱有声音
洗衣机漏水了
衣服上的污渍怎么洗
哪里可以买到便宜的鞋子
我想租一套房子
怎么种西红柿
帮我做数学作业
你们招人吗
我想应聘一份工作
我想向你推销一个产品
你喜欢什么颜色
你几岁了
你是机器人还是真人
你今天好吗
你爱我吗
邻居太吵了
我很无聊
我就是想聊聊天
你说什么
有人在吗
打错电话了
让我想一想
等一下有人敲门
孩子们在花园里玩
昨天我们去了湖边
股票现在能买吗
黄金多少钱一克
车险怎么买
房贷怎么申请
垃圾什么时候收
护照在哪里办
图书馆几点开门
人生的意义是什么
""".strip().splitlines()

SENTENCES: Mapping[str, tuple[str, ...]] = {"en": tuple(_ENGLISH), "zh": tuple(_MANDARIN)}
"""Sentences by language; a language without any has no idea of "none of these" but unknown words."""
