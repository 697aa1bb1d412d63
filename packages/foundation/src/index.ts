/
*
*


 
*
 
F
o
u
n
d
a
t
i
o
n
 
m
o
d
e
l
s
 
o
f
 
B
l
u
e
t
o
o
t
h
 
M
e
s
h
,
 
w
h
a
t
 
e
v
e
r
y
 
n
o
d
e
 
i
s
 
c
o
n
f
i
g
u
r
e
d
 
a
n
d
 
w
a
t
c
h
e
d
 
w
i
t
h
:
 
a
l
l
 
t
h
e
i
r
 
m
e
s
s
a
g
e
s
,
 
d
e
c
l
a
r
e
d
 
o
n
c
e
.


 
*


 
*
 
`
`
`
t
s


 
*
 
i
m
p
o
r
t
 
{
 
M
e
s
s
a
g
e
C
a
t
a
l
o
g
u
e
 
}
 
f
r
o
m
 
'
@
m
e
s
h
f
e
r
r
y
/
a
c
c
e
s
s
'
;


 
*
 
i
m
p
o
r
t
 
{
 
C
o
n
f
i
g
D
e
f
a
u
l
t
T
t
l
S
e
t
,
 
F
O
U
N
D
A
T
I
O
N
_
M
E
S
S
A
G
E
S
 
}
 
f
r
o
m
 
'
@
m
e
s
h
f
e
r
r
y
/
f
o
u
n
d
a
t
i
o
n
'
;


 
*


 
*
 
C
o
n
f
i
g
D
e
f
a
u
l
t
T
t
l
S
e
t
.
e
n
c
o
d
e
(
{
 
t
t
l
:
 
5
 
}
)
;
 
/
/
 
8
0
 
0
d
 
0
5


 
*


 
*
 
c
o
n
s
t
 
c
a
t
a
l
o
g
u
e
 
=
 
n
e
w
 
M
e
s
s
a
g
e
C
a
t
a
l
o
g
u
e
(
F
O
U
N
D
A
T
I
O
N
_
M
E
S
S
A
G
E
S
)
;


 
*
 
c
o
n
s
t
 
d
e
c
o
d
e
d
 
=
 
c
a
t
a
l
o
g
u
e
.
d
e
c
o
d
e
(
U
i
n
t
8
A
r
r
a
y
.
o
f
(
0
x
8
0
,
 
0
x
0
e
,
 
0
x
0
7
)
)
;


 
*
 
i
f
 
(
d
e
c
o
d
e
d
.
o
k
)
 
c
o
n
s
o
l
e
.
l
o
g
(
d
e
c
o
d
e
d
.
v
a
l
u
e
.
t
y
p
e
.
n
a
m
e
,
 
d
e
c
o
d
e
d
.
v
a
l
u
e
.
v
a
l
u
e
)
;
 
/
/
 
C
o
n
f
i
g
 
D
e
f
a
u
l
t
 
T
T
L
 
S
t
a
t
u
s
 
{
 
t
t
l
:
 
7
 
}


 
*
 
`
`
`


 
*


 
*
 
@
p
a
c
k
a
g
e
D
o
c
u
m
e
n
t
a
t
i
o
n


 
*
/




e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
b
r
i
d
g
e
-
c
o
n
f
i
g
u
r
a
t
i
o
n
-
s
e
r
v
e
r
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
b
r
i
d
g
e
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
{


 
 
a
n
s
w
e
r
T
i
m
e
M
s
,


 
 
C
l
i
e
n
t
R
e
q
u
e
s
t
s
,


 
 
t
y
p
e
 
E
x
c
h
a
n
g
e
,


 
 
L
O
N
G
E
S
T
_
A
N
S
W
E
R
,


 
 
t
y
p
e
 
R
e
q
u
e
s
t
O
p
t
i
o
n
s
,


 
 
t
y
p
e
 
R
e
q
u
e
s
t
T
a
r
g
e
t
,


}
 
f
r
o
m
 
'
.
/
c
l
i
e
n
t
-
r
e
q
u
e
s
t
.
t
s
'
;


e
x
p
o
r
t
 
{
 
C
o
n
f
i
g
u
r
a
t
i
o
n
S
t
a
t
u
s
E
r
r
o
r
,
 
s
u
c
c
e
e
d
e
d
 
}
 
f
r
o
m
 
'
.
/
c
l
i
e
n
t
-
s
t
a
t
u
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
c
l
i
e
n
t
.
t
s
'
;


e
x
p
o
r
t
 
{
 
C
o
n
f
i
g
u
r
a
t
i
o
n
H
e
a
r
t
b
e
a
t
s
,
 
t
y
p
e
 
H
e
a
r
t
b
e
a
t
S
u
b
s
c
r
i
p
t
i
o
n
 
}
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
c
l
i
e
n
t
-
h
e
a
r
t
b
e
a
t
s
.
t
s
'
;


e
x
p
o
r
t
 
{
 
C
o
n
f
i
g
u
r
a
t
i
o
n
K
e
y
s
 
}
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
c
l
i
e
n
t
-
k
e
y
s
.
t
s
'
;


e
x
p
o
r
t
 
{
 
C
o
n
f
i
g
u
r
a
t
i
o
n
M
o
d
e
l
s
,
 
t
y
p
e
 
T
o
l
d
P
u
b
l
i
c
a
t
i
o
n
 
}
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
c
l
i
e
n
t
-
m
o
d
e
l
s
.
t
s
'
;


e
x
p
o
r
t
 
{
 
C
o
n
f
i
g
u
r
a
t
i
o
n
N
o
d
e
,
 
t
y
p
e
 
F
e
a
t
u
r
e
S
t
a
t
e
,
 
t
y
p
e
 
R
e
l
a
y
S
t
a
t
e
 
}
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
c
l
i
e
n
t
-
n
o
d
e
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
h
e
a
r
t
b
e
a
t
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
k
e
y
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
m
o
d
e
l
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
n
o
d
e
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
s
e
r
v
e
r
.
t
s
'
;


e
x
p
o
r
t
 
t
y
p
e
 
{
 
C
o
n
f
i
g
u
r
a
t
i
o
n
L
i
m
i
t
s
 
}
 
f
r
o
m
 
'
.
/
c
o
n
f
i
g
-
s
e
r
v
e
r
-
g
r
o
u
n
d
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
d
i
r
e
c
t
e
d
-
p
a
t
h
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
d
i
r
e
c
t
e
d
-
t
r
a
n
s
m
i
t
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
f
a
m
i
l
i
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
f
o
r
w
a
r
d
i
n
g
-
e
n
t
r
y
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
f
o
r
w
a
r
d
i
n
g
-
t
a
b
l
e
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
h
e
a
l
t
h
-
c
l
i
e
n
t
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
h
e
a
l
t
h
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
h
e
a
l
t
h
-
s
e
r
v
e
r
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
h
o
s
t
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
l
a
r
g
e
-
c
o
m
p
o
s
i
t
i
o
n
-
d
a
t
a
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
l
a
r
g
e
-
c
o
m
p
o
s
i
t
i
o
n
-
d
a
t
a
-
s
e
r
v
e
r
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
m
o
d
e
l
-
i
d
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
o
n
-
d
e
m
a
n
d
-
p
r
i
v
a
t
e
-
p
r
o
x
y
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
o
n
-
d
e
m
a
n
d
-
p
r
i
v
a
t
e
-
p
r
o
x
y
-
s
e
r
v
e
r
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
o
p
c
o
d
e
s
-
a
g
g
r
e
g
a
t
o
r
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
o
p
c
o
d
e
s
-
a
g
g
r
e
g
a
t
o
r
-
s
e
r
v
e
r
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
p
r
i
v
a
t
e
-
b
e
a
c
o
n
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
p
r
i
v
a
t
e
-
b
e
a
c
o
n
-
s
e
r
v
e
r
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
r
e
m
o
t
e
-
p
r
o
v
i
s
i
o
n
i
n
g
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
s
a
r
-
c
o
n
f
i
g
u
r
a
t
i
o
n
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
s
a
r
-
c
o
n
f
i
g
u
r
a
t
i
o
n
-
s
e
r
v
e
r
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
s
o
l
i
c
i
t
a
t
i
o
n
-
p
d
u
-
r
p
l
-
m
e
s
s
a
g
e
s
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
s
o
l
i
c
i
t
a
t
i
o
n
-
p
d
u
-
r
p
l
-
s
e
r
v
e
r
.
t
s
'
;


e
x
p
o
r
t
 
*
 
f
r
o
m
 
'
.
/
s
t
a
t
u
s
-
c
o
d
e
s
.
t
s
'
;
